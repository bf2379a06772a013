"""Command lines in the recipes of makefiles: make's variables put in where the file tells them, the rest is the shell's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from thwart.rules.commands._lines import Line, Unread
from thwart.rules.commands._scripts import about, program

if TYPE_CHECKING:
    from thwart.lib.dockerfile import Text

_ASSIGNED = re.compile(r"(?:export[ \t]+|override[ \t]+)*([\w.-]+)[ \t]*(\?|\+|!|:{0,3})=[ \t]*(.*)")
_REFERENCE = re.compile(r"\$(?:(\$)|\(([\w.-]+)\)|\{([\w.-]+)\}|([@<^+?*%|]))|\$(?=[({])|\$(\w)")
_NAME = re.compile(r"\W")
_LONGEST = 400  # of a value that is put in for its variable


def makefiles(text: str) -> Iterator[Line | Unread]:
    """The lines of every recipe (GNU make manual, "Recipe Syntax"): logical lines are programs of their own."""
    lines = text.split("\n")
    known = _variables(lines)
    at = 0
    while at < len(lines):
        first = at
        while lines[at].endswith("\\") and at + 1 < len(lines):
            at += 1
        at += 1
        if lines[first].startswith("\t") and about("\n".join(lines[first:at])):
            yield from program(_recipe(lines[first:at], first + 1, known))


def _variables(lines: list[str]) -> dict[str, str]:
    """Variables that are set once, to a text. What the command line of make or its environment changes is not told."""
    values: dict[str, str | None] = {}
    for line in lines:
        found = None if line.startswith("\t") else _ASSIGNED.match(line.strip())
        if found is not None:
            value = found[3].partition(" #")[0].strip()
            plain = found[2] in ("", ":", "::", ":::", "?") and "$" not in value and not value.endswith("\\")
            values[found[1]] = value if plain and found[1] not in values and len(value) <= _LONGEST else None
    return {name: value for name, value in values.items() if value is not None}


def _recipe(lines: list[str], first: int, known: Mapping[str, str]) -> Text:
    """What the shell gets: no tabs before its lines, no `@`, `-` or `+` before the first, make's references resolved."""
    from thwart.lib.dockerfile import Text

    parts: list[str] = []
    starts: list[int] = []
    places: list[tuple[int, int]] = []
    size = 0
    for number, line in enumerate(lines, first):
        bare = line.removeprefix("\t")
        if number == first:
            bare = bare.lstrip("@-+ \t")
        for at, piece in _pieces(bare, known):
            parts.append(piece)
            starts.append(size)
            places.append((number, len(line) - len(bare) + 1 + at))
            size += len(piece)
    return Text("".join(parts), tuple(starts), tuple(places))


def _pieces(line: str, known: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    """Where each piece of a line begins, and what the shell gets for it."""
    ended = 0
    for mark in _REFERENCE.finditer(line):
        if mark.start() >= ended:  # not within the call of a function
            yield ended, line[ended : mark.start()]
            yield mark.start(), _put(mark, known)
            ended = _end(mark, line)
    yield ended, f"{line[ended:]}\n"


def _put(mark: re.Match[str], known: Mapping[str, str]) -> str:
    """In place of a reference: its value, else a variable of the shell, which is as little known."""
    if mark[1]:
        return "$"
    name = mark[2] or mark[3]
    if name:
        value = known.get(name)
        return f"${{{_NAME.sub('_', name)}}}" if value is None else value
    return "${_}"


def _end(mark: re.Match[str], line: str) -> int:
    """Where a reference ends; a function's call at the bracket that closes it."""
    at = mark.end()
    if at >= len(line) or mark.end() > mark.start() + 1:
        return at
    opened, depth = line[at], 0
    closed = ")" if opened == "(" else "}"
    while at < len(line):
        depth += (line[at] == opened) - (line[at] == closed)
        at += 1
        if not depth:
            break
    return at
