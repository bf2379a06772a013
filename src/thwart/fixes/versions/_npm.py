"""npm's version ranges, as node-semver documents them ("Ranges", "Advanced Range Syntax")."""

from __future__ import annotations

import re
from typing import NamedTuple

from thwart.fixes.versions import ByHand, Edited, Upgrade
from thwart.lib import versions

_NUMBER = r"(?:[0-9]{1,15}|[xX*])"
_VERSION = (
    rf"[v=]?\s*({_NUMBER})(?:\.({_NUMBER})(?:\.({_NUMBER})(-[0-9A-Za-z.-]{{1,100}})?(?:\+[0-9A-Za-z.-]{{1,100}})?)?)?"
)
_COMPARATOR = re.compile(rf"\s*(\^|~>?|>=|<=|>|<|=)?\s*{_VERSION}(?=\s|$)")
_HYPHEN = re.compile(rf"\s*{_VERSION}\s+-\s+{_VERSION}\s*")
_SINGLE = re.compile(rf"(\s*)(\^|~|>=|=|)(\s*v?){_VERSION}\s*")
_LONGEST = 1000


class _Bound(NamedTuple):
    """`>=`, `<` and so on, and a whole version."""

    op: str
    version: str


def permits(text: str, version: str) -> bool | None:
    """Whether a range has a version; None where the text is no range but a tag, an address or an alias."""
    if len(text) > _LONGEST:
        return None
    permitted = False
    for part in text.split("||"):
        bounds = _bounds(part)
        if bounds is None:
            return None
        permitted = permitted or _within(bounds, version)
    return permitted


def raised(text: str, upgrade: Upgrade) -> Edited | None:
    """A range that permits the new version, written as it was; None where it does not permit the installed one.

    Raises:
        ByHand: it is no range, or one of several parts.
    """
    has = permits(text, upgrade.target)
    if has is None:
        raise ByHand(f"it is declared as {text[:80]!r}")
    if has:
        return Edited(text=text)
    if not permits(text, upgrade.installed):
        return None
    found = _SINGLE.fullmatch(text)
    if found is None:
        raise ByHand(f"its range {text[:80]!r} has several parts")
    lead, op, between = found[1], found[2], found[3]
    numbers = found.group(4, 5, 6)
    whole = all(one is not None and one.isdigit() for one in numbers)
    bold = f"its range {text[:80]!r} ends before {upgrade.target}" if op == "~" or not (whole or op) else ""
    if whole or op:
        made = upgrade.target
    else:  # `4.17` and `4.x` stay as coarse as they were
        fresh = upgrade.target.split(".")
        made = ".".join(new if old.isdigit() else old for old, new in zip(filter(None, numbers), fresh, strict=False))
    text = f"{lead}{op}{between}{made}"
    if not permits(text, upgrade.target):
        raise ByHand(f"its range {text[:80]!r} is not edited")
    return Edited(text=text, bold=bold)


def _bounds(part: str) -> list[_Bound] | None:
    hyphen = _HYPHEN.fullmatch(part)
    if hyphen is not None:
        low, high = hyphen.groups()[:4], hyphen.groups()[4:]
        return [*_plain(">=", low), *_plain("<=", high)]
    bounds: list[_Bound] = []
    at = 0
    while part[at:].strip():
        found = _COMPARATOR.match(part, at)
        if found is None:
            return None
        at = found.end()
        bounds += _plain(found[1] or "", found.groups()[1:])
    return bounds


def _plain(op: str, parts: tuple[str | None, ...]) -> list[_Bound]:
    """One comparator as bounds of whole versions; an upper bound leaves out its own pre-releases."""
    known: list[int] = []
    for one in parts[:3]:
        if one is None or not one.isdigit():
            break
        known.append(int(one))
    if not known:
        return [_Bound("<", "0.0.0-0")] if op in ("<", ">") else []
    first = _dotted(known) + (parts[3] or "" if len(known) == 3 else "")
    if op in ("^", "~", "~>"):
        return [_Bound(">=", first), _Bound("<", _after(known, _held(op, known)) + "-0")]
    if len(known) == 3:
        return [_Bound(op or "=", first)]
    after = _after(known, len(known))
    if op in ("", "="):
        return [_Bound(">=", first), _Bound("<", after + "-0")]
    return [{">": _Bound(">=", after), "<=": _Bound("<", after + "-0")}.get(op) or _Bound(op, first)]


def _held(op: str, known: list[int]) -> int:
    """How many numbers a caret or a tilde holds fast."""
    if op != "^":
        return min(2, len(known))
    return next((index + 1 for index, number in enumerate(known) if number), len(known))


def _dotted(numbers: list[int]) -> str:
    return ".".join(map(str, [*numbers, 0, 0][:3]))


def _after(known: list[int], held: int) -> str:
    return _dotted([*known[: held - 1], known[held - 1] + 1])


def _within(bounds: list[_Bound], version: str) -> bool:
    for op, stated in bounds:
        sign = versions.compare("npm", version, stated)
        if not {"=": sign == 0, ">": sign > 0, "<": sign < 0, ">=": sign >= 0, "<=": sign <= 0}[op]:
            return False
    release, dash, _ = version.partition("-")
    if not dash:
        return True
    return any(
        stated.partition("-")[0] == release and "-" in stated and not stated.endswith("-0") for _, stated in bounds
    )
