"""Lines of a Dockerfile: continuations joined, every character's place kept, parser directives read.

Source: the Dockerfile reference, "Format", "Parser directives", "Escape"; BuildKit's parser decides where the two differ.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import NamedTuple

from msgspec import Struct, field

SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
LINE_MAX = 65_535  # BuildKit refuses longer lines

_DIRECTIVE = re.compile(r"([a-zA-Z][a-zA-Z0-9]*)[\t\n\f\r ]*=[\t\n\f\r ]*(.+)\Z", re.ASCII | re.DOTALL)
_DIRECTIVES = frozenset({"syntax", "escape", "check"})


class Span(NamedTuple):
    """A range of the file: 1-based lines and columns (in characters), the end column exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


class Problem(NamedTuple):
    """What is wrong, as a slug and a sentence, and where; `fatal` when a build stops there."""

    span: Span
    slug: str
    sentence: str
    fatal: bool = True


class Text(Struct, frozen=True):
    """Text put together from pieces of the file, which knows where each character stands."""

    text: str
    starts: tuple[int, ...]  # offsets at which a piece begins, ascending, the first is 0
    places: tuple[tuple[int, int], ...]  # line and column of each piece

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column of the character at `offset`."""
        index = max(bisect_right(self.starts, offset) - 1, 0)
        line, column = self.places[index]
        return line, column + offset - self.starts[index]

    def span(self, start: int, end: int) -> Span:
        """The range of the characters from `start` up to, not including, `end`."""
        line, column = self.place(start)
        if end <= start:
            return Span(line, column, line, column)
        end_line, end_column = self.place(end - 1)
        return Span(line, column, end_line, end_column + 1)

    def part(self, start: int, end: int) -> Text:
        """The text from `start` to `end`, its places kept."""
        first = max(bisect_right(self.starts, start) - 1, 0)
        last = max(bisect_right(self.starts, end - 1), first + 1)
        starts = tuple(max(at - start, 0) for at in self.starts[first:last])
        places = (self.place(start), *self.places[first + 1 : last])
        return Text(self.text[start:end], starts, places)

    def __add__(self, other: Text) -> Text:
        shift = len(self.text)
        return Text(
            self.text + other.text, self.starts + tuple(at + shift for at in other.starts), self.places + other.places
        )


class Directive(NamedTuple):
    """A parser directive: `name` in lower case, and its value."""

    name: str
    value: str
    span: Span


class Lines(Struct):
    """The physical lines, and the directives that stand before everything else."""

    lines: list[str]
    escape: str = "\\"
    next: int = 0  # index of the line to be read
    directives: list[Directive] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)  # directly above the instruction to come
    problems: list[Problem] = field(default_factory=list)
    _directives_over: bool = False

    def logical(self) -> Text | None:
        """The next instruction's line, continuations joined; None at the end of the file."""
        while self.next < len(self.lines):
            number = self.next + 1
            raw = self.lines[self.next].rstrip("\r\n")
            line = raw.lstrip(SPACE)
            self.next += 1
            if not self._directives_over and self._directive(line, number):
                continue
            if line.startswith("#"):
                self._comment(line[1:].strip(SPACE))
                continue
            line, continues = self._continued(line)
            if line or continues:
                return self._join(line, continues, number, len(raw) - len(raw.lstrip(SPACE)) + 1)
        return None

    def _comment(self, comment: str) -> None:
        if comment:
            self.comments.append(comment)
        else:
            self.comments.clear()

    def _join(self, first: str, continues: bool, number: int, column: int) -> Text:
        pieces, starts, places, size = [first], [0], [(number, column)], len(first)
        while continues and self.next < len(self.lines):
            line = self.lines[self.next].rstrip("\r\n")
            self.next += 1
            stripped = line.lstrip(SPACE)
            if stripped.startswith("#"):
                continue
            if not stripped:
                self._note(self.next, "empty-continuation", "an empty line inside a continued instruction", fatal=False)
                continue
            line, continues = self._continued(line)
            if line:
                pieces.append(line)
                starts.append(size)
                places.append((self.next, 1))
                size += len(line)
        return Text("".join(pieces), tuple(starts), tuple(places))

    def _continued(self, line: str) -> tuple[str, bool]:
        """The line without its continuation mark. A doubled mark is an escaped one and continues nothing."""
        bare = line.rstrip(" \t")
        if bare.endswith(self.escape) and bare[-2:-1] != self.escape:
            return bare[:-1], True
        return line, False

    def _directive(self, line: str, number: int) -> bool:
        match = _DIRECTIVE.match(line[1:].lstrip(SPACE)) if line.startswith("#") else None
        name = match[1].lower() if match else ""
        value = match[2].rstrip("\t\n\f\r ") if match else ""
        if name not in _DIRECTIVES or not value:
            self._directives_over = True
            return False
        if any(known.name == name for known in self.directives):
            self._note(number, "directive-twice", f"the parser directive {name} is given twice")
            return True
        self.directives.append(Directive(name, value, _whole(number, self.lines[number - 1])))
        if name == "escape":
            if value in ("\\", "`"):
                self.escape = value
            else:
                self._note(
                    number, "bad-escape", f"the escape character {value!r} is neither a backslash nor a backquote"
                )
        return True

    def _note(self, number: int, slug: str, sentence: str, *, fatal: bool = True) -> None:
        self.problems.append(Problem(_whole(number, self.lines[number - 1]), slug, sentence, fatal))


def split_lines(text: str) -> list[str]:
    """Lines with their ends kept; only a line feed ends a line."""
    lines = text.split("\n")
    last = lines.pop()
    lines = [f"{line}\n" for line in lines]
    return [*lines, last] if last else lines


def _whole(number: int, line: str) -> Span:
    bare = line.rstrip("\r\n")
    return Span(number, 1, number, len(bare) + 1)


def line_span(number: int, lines: list[str]) -> Span:
    """The range of one whole line."""
    return _whole(number, lines[number - 1])
