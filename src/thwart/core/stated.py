"""What a person wrote in a file: tables whose every key is checked, and complaints that name file and line."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from thwart.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Path = tuple[str | int, ...]  # keys and indices from the document's root
Value = str | bool


class Described(NamedTuple):
    """One key for the reference: what it does and may be. `words` is empty where it is not one of some words."""

    key: str
    about: str
    type: str  # `text`, `true or false`, `a date`
    default: Value | None = None
    words: tuple[str, ...] = ()
    form: str = ""
    required: bool = False


class Stated:
    """A configuration file's place, for complaints that name it. `lines` are the lines of its keys."""

    def __init__(self, path: str, lines: Mapping[Path, int]) -> None:
        self.path = path
        self._lines = lines

    def line(self, where: Path) -> int:
        """The 1-based line of a key, or of the nearest thing around it; 0 when there is none."""
        while where and where not in self._lines:
            where = where[:-1]
        return self._lines.get(where, 0)

    def refuse(self, where: Path, sentence: str, *hints: str) -> NoReturn:
        """Raise with file and line."""
        raise ConfigError(f"{self.path}:{self.line(where) or 1}: {sentence}", *hints)

    def known(self, where: Path, table: Mapping[str, object], allowed: Iterable[str]) -> None:
        """Refuse a key that means nothing."""
        for key in table:
            if key not in allowed:
                start = f"unknown key {dotted((*where, key))}"
                self.refuse((*where, key), start, *meant(str(key), tuple(allowed)))

    def text(self, where: Path, key: str, value: object) -> str:
        """Text that is not empty."""
        if not isinstance(value, str):
            self.refuse((*where, key), f"{key} must be text, not {type_name(value)}")
        if not value.strip():
            self.refuse((*where, key), f"{key} is empty")
        return value

    def texts(self, where: Path, key: str, value: object, *, empty: bool = False) -> tuple[str, ...]:
        """An array of texts; with `empty` they may be empty."""
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            self.refuse((*where, key), f"{key} must be an array of texts")
        if not empty and not all(one.strip() for one in value):
            self.refuse((*where, key), f"{key} has an empty text")
        return tuple(value)


NAMES: dict[type, str] = {str: "text", bool: "true or false"}
_TYPES: tuple[tuple[type, str], ...] = (
    (bool, "true or false"),
    (str, "text"),
    (int, "a number"),
    (float, "a number"),
    (datetime, "a date with a time"),
    (date, "a date"),
    (list, "an array"),
    (dict, "a table"),
    (type(None), "nothing"),
)


def type_name(value: object) -> str:
    """What a person calls the type of a value."""
    return next((name for kind, name in _TYPES if isinstance(value, kind)), "a time")


def meant(word: str, among: tuple[str, ...]) -> tuple[str, ...]:
    """The hint for a word that is none of those: the one that was meant, or all."""
    import difflib

    close = difflib.get_close_matches(word.lower().replace("_", "-"), among, n=1, cutoff=0.6)
    return (f"did you mean {close[0]}?",) if close else (f"known are {', '.join(among)}",)


def dotted(where: Path) -> str:
    """The keys of a path, as TOML writes them."""
    return ".".join(part for part in where if isinstance(part, str))


# -- lines: tomllib keeps none -----------------------------------------------------------------------------------------

_PART = r"(?:[A-Za-z0-9_-]++|\"(?:[^\"\\\n]|\\.)*+\"|'[^'\n]*+')"
_KEY = rf"{_PART}(?:[ \t]*+\.[ \t]*+{_PART})*+"
_HEADER = re.compile(rf"[ \t]*+(\[\[?)[ \t]*+({_KEY})[ \t]*+\]")
_ASSIGNMENT = re.compile(rf"[ \t]*+({_KEY})[ \t]*+=")
_EACH = re.compile(_PART)
_FENCE = re.compile(r'"""|\'\'\'')


def positions(text: str) -> Iterator[tuple[Path, int]]:
    """Lines of tables and keys of a document that `tomllib` accepts; keys of inline tables have their parent's line."""
    table: Path = ()
    counts: dict[Path, int] = {}
    fence = ""
    for number, line in enumerate(text.split("\n"), start=1):
        inside = bool(fence)
        for mark in _FENCE.findall(line):
            fence = "" if mark == fence else (fence or mark)
        if inside:
            continue
        header = _HEADER.match(line)
        if header:
            stated = tuple(_parts(header[2]))
            if header[1] == "[[":
                counts[stated] = counts.get(stated, -1) + 1
            table = tuple(_indexed(stated, counts))
            yield table, number
            continue
        assignment = _ASSIGNMENT.match(line)
        if assignment:
            yield (*table, *_parts(assignment[1])), number


def _indexed(stated: tuple[str, ...], counts: Mapping[Path, int]) -> Iterator[str | int]:
    """The header's path; after the name of an array of tables, the index of its last one."""
    for end, part in enumerate(stated, start=1):
        yield part
        if stated[:end] in counts:
            yield counts[stated[:end]]


def _parts(dotted: str) -> Iterator[str]:
    for part in _EACH.findall(dotted):
        yield part[1:-1] if part[0] in "\"'" else part
