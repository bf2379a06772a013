"""npm's `package.json`: what a project asks for, and what it overrides of what others ask for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from thwart.core.edit import Pointer, Put
from thwart.core.limits import DEFAULT
from thwart.fixes import mend
from thwart.fixes.versions import ByHand, Edited, Upgrade
from thwart.fixes.versions._npm import permits, raised
from thwart.lib import json_bounded
from thwart.lib.documents import DocumentError

_SECTIONS = ("dependencies", "devDependencies", "optionalDependencies")
_ITEMS = 1_000_000
_ALIAS = "npm:"


def edited(text: str, upgrade: Upgrade) -> Edited | None:
    """The manifest with the new version where it asks for the package; None where it does not. Peers are left alone.

    Raises:
        ByHand: it names no range, or one of several parts.
    """
    edits: list[Put] = []
    bold, known = "", False
    for pointer, prefix, value in _declared(_load(text), upgrade.name):
        found = raised(value, upgrade)
        if found is None:
            continue
        known = True
        if found.text != value:
            edits.append(Put(pointer=pointer, value=prefix + found.text))
            bold = bold or found.bold
    return Edited(text=_made(text, edits), bold=bold) if known else None


def overridden(text: str, upgrade: Upgrade, tool: str, *, alone: bool, ranges: Iterable[str] = ()) -> Edited:
    """The manifest of the root with an override for what only other packages ask for.

    Args:
        text: the manifest that lies beside the lock file.
        upgrade: what others bring.
        tool: `npm`, `yarn` or `pnpm`.
        alone: the lock file has no other version of the package; without that, yarn has no word for it.
        ranges: what others ask for, as far as the lock file tells; when all of them permit the new version, nothing is
            edited.

    Raises:
        ByHand: it cannot be said for this version alone.
    """
    asked = list(ranges)
    if asked and all(permits(one, upgrade.target) for one in asked):
        return Edited(text=text)
    document = _load(text)
    direct = [value for _, _, value in _declared(document, upgrade.name)]
    if tool == "yarn" and not (alone and not direct):
        raise ByHand("other packages bring it, and resolutions would hold for its other versions too")
    key = upgrade.name if tool == "yarn" else f"{upgrade.name}@{upgrade.installed}"
    above: Pointer = {"npm": ("overrides",), "yarn": ("resolutions",), "pnpm": ("pnpm", "overrides")}[tool]
    there = document
    for step in above:
        there = there.get(str(step)) if isinstance(there.get(str(step)), dict) else {}  # type: ignore[assignment]
    rivals = [one for one in there if one == upgrade.name or one.startswith(f"{upgrade.name}@")]
    if any(not isinstance(there[one], str) or one != key for one in rivals):
        raise ByHand(f"{'.'.join(map(str, above))} speaks of it already")
    made = _made(text, [Put(pointer=(*above, key), value=upgrade.target)])
    return Edited(text=made, bold="other packages ask for another version of it")


def _declared(document: dict[str, object], name: str) -> Iterator[tuple[Pointer, str, str]]:
    """Where a package is asked for: the pointer, `npm:name@` where it goes by another name, and the range."""
    for section in _SECTIONS:
        entries = document.get(section)
        for key, value in entries.items() if isinstance(entries, dict) else ():
            if not isinstance(value, str):
                continue
            if value.startswith(_ALIAS):
                real, at, asked = value.removeprefix(_ALIAS).rpartition("@")
                if at and real == name:
                    yield (section, key), f"{_ALIAS}{real}@", asked
            elif key == name:
                yield (section, key), "", value


def _load(text: str) -> dict[str, object]:
    data = text.encode()
    try:
        found = json_bounded.load(data, max_bytes=DEFAULT.yaml_bytes, max_depth=DEFAULT.json_depth, max_items=_ITEMS)
    except DocumentError as error:
        raise ByHand(f"it cannot be read: {error.reason}") from None
    if not isinstance(found, dict):
        raise ByHand("it is no JSON object")
    return found


def _made(text: str, edits: list[Put]) -> str:
    if not edits:
        return text
    mended = mend(text.encode(), [edits])
    if mended.refused or mended.later:
        raise ByHand(next(iter(mended.refused.values()), "its edits contradict each other"))
    return mended.data.decode()
