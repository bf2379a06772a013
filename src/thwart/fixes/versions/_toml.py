"""One value of a TOML document exchanged, everything else left as it is."""

from __future__ import annotations

from thwart.core.limits import MIB
from thwart.fixes.versions import ByHand
from thwart.lib import toml_bounded
from thwart.lib.documents import DocumentError

Path = tuple[str | int, ...]

_BYTES = 1 * MIB
_TRIES = 16


def load(text: str) -> dict[str, object]:
    """The document.

    Raises:
        ByHand: it is none.
    """
    try:
        return toml_bounded.load(text.encode(), max_bytes=_BYTES)
    except DocumentError as error:
        raise ByHand(f"it cannot be read: {error.reason}") from None


def table(value: object) -> dict[str, object]:
    """The table; an empty one for what is none."""
    return value if isinstance(value, dict) else {}


def exchanged(text: str, path: Path, new: str) -> str:
    """The text with another string at a path.

    The place is tried and proved: of all places where the old value stands in the text, it is the one after whose change
    the document reads as it should.

    Raises:
        ByHand: it is written with escapes, or in so many places that they are not all tried.
    """
    document = load(text)
    wanted, old = _with(document, path, new)
    key = next((one for one in reversed(path) if isinstance(one, str)), "")
    for start in sorted(_places(text, old), key=lambda at: (key not in _line(text, at), at))[:_TRIES]:
        made = text[:start] + new + text[start + len(old) :]
        try:
            if toml_bounded.load(made.encode(), max_bytes=_BYTES) == wanted:
                return made
        except DocumentError:
            continue
    raise ByHand("it is written in a form that is not edited")


def _with(node: object, path: Path, new: str) -> tuple[object, str]:
    """The value with the new leaf, and the old leaf."""
    if not path:
        if not isinstance(node, str) or not node:
            raise ByHand("it is written in a form that is not edited")
        return new, node
    step, rest = path[0], path[1:]
    if isinstance(node, dict):
        changed, old = _with(node[step], rest, new)
        return {**node, step: changed}, old
    if isinstance(node, list) and isinstance(step, int):
        changed, old = _with(node[step], rest, new)
        return [*node[:step], changed, *node[step + 1 :]], old
    raise ByHand("it is written in a form that is not edited")


def _places(text: str, old: str) -> list[int]:
    """Where the value stands between quotation marks."""
    found: list[int] = []
    at = text.find(old)
    while at >= 0 and len(found) < 10_000:
        if text[at - 1 : at] in ("'", '"') and text[at + len(old) : at + len(old) + 1] in ("'", '"'):
            found.append(at)
        at = text.find(old, at + 1)
    return found


def _line(text: str, at: int) -> str:
    end = text.find("\n", at)
    return text[text.rfind("\n", 0, at) + 1 : end if end >= 0 else len(text)][:1000]
