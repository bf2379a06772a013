"""OSV events to ranges (OSV schema, "affected[].ranges[].events" and its evaluation algorithm)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from thwart.core.advisory import Range

if TYPE_CHECKING:
    from thwart.advisories.feeds._osv_model import Event

_TOKEN = re.compile(r"[0-9]+|[A-Za-z]+|~")
_EPOCH = re.compile(r"([0-9]+)[:!]")
_BEFORE = frozenset(
    {"a", "alpha", "b", "beta", "c", "cr", "dev", "m", "milestone", "pre", "preview", "rc", "snapshot", "~"}
)
_END = (1, 0, "")

Key = tuple[tuple[int, int, str], ...]


def natural_key(version: str) -> Key:
    """A total order that fits versions of every ecosystem well enough to put one record's own events in order."""
    epoch = _EPOCH.match(version)
    number = epoch[1] if epoch else "0"
    rest = version[epoch.end() :] if epoch else version
    return (_number(number), *map(_part, _TOKEN.findall(rest)), _END)


def _number(digits: str) -> tuple[int, int, str]:
    significant = digits.lstrip("0")
    return (2, len(significant), significant)


def _part(token: str) -> tuple[int, int, str]:
    if token[0].isdigit():
        return _number(token)
    word = token.lower()
    return (0 if word in _BEFORE else 3, 0, word)


def ranges_of(events: list[Event]) -> tuple[tuple[Range, ...], bool]:
    """Ranges of one list of events, and whether introductions and ends took turns in it.

    Events are put in the order of their versions where they do not take turns; then, as the schema's algorithm says,
    an introduction opens a range, the next end closes it, and a second of the same kind changes nothing. A list
    without any introduction is damaged: it is read as affected from the beginning, the side on which to err.
    """
    if len(events) == 2 and events[0].introduced is not None and events[1].fixed is not None:
        first, second = events
        if first.fixed is first.last_affected is second.introduced is second.last_affected is None:
            return (Range(first.introduced or "0", second.fixed or ""),), True  # nearly all of them
    points = [point for event in events for point in _points(event)]
    if points and not any(kind == "introduced" for kind, _ in points):
        points.insert(0, ("introduced", "0"))
    regular = all((kind == "introduced") == (place % 2 == 0) for place, (kind, _) in enumerate(points))
    if not regular or (len(points) > 1 and len(points) % 2 and _key(points[-1]) < _key(points[-2])):
        points.sort(key=_key)
    return tuple(_paired(points)), regular


def _points(event: Event) -> list[tuple[str, str]]:
    found = (("introduced", event.introduced), ("fixed", event.fixed), ("last", event.last_affected))
    return [(kind, version) for kind, version in found if version is not None]


def _key(point: tuple[str, str]) -> Key:
    kind, version = point
    return () if kind == "introduced" and version in ("", "0") else natural_key(version)


def _paired(points: list[tuple[str, str]]) -> list[Range]:
    found: list[Range] = []
    start: str | None = None
    for kind, version in points:
        if kind == "introduced":
            start = version or "0" if start is None else start
        elif start is not None:
            found.append(Range(start, fixed=version) if kind == "fixed" else Range(start, last=version))
            start = None
    if start is not None:
        found.append(Range(start))
    return found
