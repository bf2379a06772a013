"""Command lines in shell programs. Variables that the program sets once, to a text, stand for it; others are not known."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from thwart.lib import shell
from thwart.lib.run_arguments import UNKNOWN
from thwart.rules.commands._lines import Line, Place, Unread, line_of, whole

if TYPE_CHECKING:
    from thwart.lib.dockerfile import Text

_PROGRAM = re.compile(r"(?:docker|podman)\b")
_VERB = re.compile(r"\b(?:run|create)\b")
_IMAGE = re.compile(r"image|img|(?:^|_)tag$|container", re.IGNORECASE)
_DECLARING = frozenset({"export", "readonly", "declare", "typeset", "local"})
_LONGEST = 400  # of a value that is put in for its variable
_MOST_VALUES = 20_000  # that are put in for variables, in one program
_MOST_NESTED = 4  # `sh -c` within `sh -c`


def scripts(text: str) -> Iterator[Line | Unread]:
    """The lines of a whole file."""
    return program(whole(text))


def program(text: Text, *, example: bool = False, values: Mapping[str, str] | None = None) -> Iterator[Line | Unread]:
    """The lines of a program, in order; `values` are variables that it starts with."""
    return _Program(example).read(text, values or {}, 0)


def about(text: str) -> bool:
    """Whether a text may have such a command."""
    return _PROGRAM.search(text) is not None and _VERB.search(text) is not None


class _Program:
    def __init__(self, example: bool) -> None:
        self._example = example
        self._left = _MOST_VALUES

    def read(self, text: Text, values: Mapping[str, str], depth: int) -> Iterator[Line | Unread]:
        found = shell.commands(shell.parse(text.text))
        known = {**values, **_set_once(found.found)}
        for one in found.found:
            yield from self._command(text, one.command, known, depth)
        for lost in found.unparsed:
            rest = text.text[lost.start : lost.end]
            start = lost.start + len(rest) - len(rest.lstrip())
            if about(text.text[_line_start(text.text, start) : lost.end]):
                yield Unread(text.place(start)[0], lost.reason)

    def _command(
        self, text: Text, command: shell.Simple, known: Mapping[str, str], depth: int
    ) -> Iterator[Line | Unread]:
        end = max([command.end, *(one.body.end for one in command.redirects if one.body is not None)])
        if not command.words or not about(text.text[command.start : end]):
            return
        words: list[str] = []
        places: list[Place] = []
        several = set()
        for word in command.words:
            resolved, many = self._word(word, known)
            if many:
                several.add(len(words))
            words += resolved
            places += [text.place(word.start)] * len(resolved)
        line = line_of(words, places, several, example=self._example)
        if line is not None:
            yield line
        elif depth < _MOST_NESTED:
            yield from self._inner(text, command, words, depth)

    def _inner(self, text: Text, command: shell.Simple, words: list[str], depth: int) -> Iterator[Line | Unread]:
        """The program of `sh -c`, or of a shell that reads a here-document."""
        from thwart.rules._programs import SHELLS, started, unwrapped

        bare, _ = unwrapped(tuple(words))
        if not bare or posixpath.basename(bare[0]) not in SHELLS:
            return
        inner = started(bare[1:])[2]
        if about(inner):
            yield from self.read(_quoted(text, command, inner), {}, depth + 1)
        for one in command.redirects if not inner else ():
            if one.body is not None and about(one.body.known):
                yield from self.read(text.part(one.body.start, one.body.end), {}, depth + 1)

    def _word(self, word: shell.Word, known: Mapping[str, str]) -> tuple[list[str], bool]:
        """The words that a word comes to, and whether they may be any number."""
        parts, split, many = [], False, False
        for part in word.parts:
            value = None
            if isinstance(part, shell.Literal):
                parts.append(part.text)
                continue
            if isinstance(part, shell.Parameter):
                value = self._value(part, known)
                many = many or (value is None and _may_be_several(part))
            else:
                many = many or not part.quoted
            split = split or (value is not None and not part.quoted)
            parts.append(UNKNOWN if value is None else value)
        whole_word = "".join(parts)
        return (whole_word.split() if split else [whole_word]), many

    def _value(self, part: shell.Parameter, known: Mapping[str, str]) -> str | None:
        if part.operation or self._left <= 0:
            return None
        value = known.get(part.name)
        self._left -= value is not None
        return value


def _line_start(text: str, at: int) -> int:
    """Where the line begins that an offset is in, and the lines that it continues."""
    at = text.rfind("\n", 0, at)
    while at > 0 and text[at - 1] == "\\":
        at = text.rfind("\n", 0, at)
    return at + 1


def _quoted(text: Text, command: shell.Simple, inner: str) -> Text:
    """A program that is one word of a command. Where quotes within it move its characters, only its beginning is known."""
    from thwart.lib.dockerfile import Text

    word = next((word for word in command.words if word.known == inner), command.words[-1])
    if text.text[word.start + 1 : word.end - 1] == inner:
        return text.part(word.start + 1, word.end - 1)
    return Text(inner, (0,), (text.place(word.start),))


def _may_be_several(part: shell.Parameter) -> bool:
    """Options perhaps: unquoted, or all elements of an array; not a variable that is called after an image."""
    if _IMAGE.search(part.name):
        return False
    return not part.quoted or part.name == "@" or part.operation.startswith("[")


def _set_once(invocations: tuple[shell.Invocation, ...]) -> dict[str, str]:
    """Variables that are set in one place only, outside functions, to a text that is known."""
    values: dict[str, str | None] = {}
    for one in invocations:
        for name, value in _assigned(one):
            values[name] = None if name in values else value
    return {name: value for name, value in values.items() if value is not None and len(value) <= _LONGEST}


def _assigned(one: shell.Invocation) -> Iterator[tuple[str, str | None]]:
    command = one.command
    sure = not (one.function or one.substituted or one.background or one.handled)
    if not command.words:
        for assignment in command.assignments:
            static = assignment.value.static if assignment.value is not None else None
            plain = sure and not assignment.append and not assignment.subscript
            yield assignment.name, static if plain else None
    elif command.name in _DECLARING:
        for word in command.words[1:]:
            name, equals, value = word.known.partition("=")
            if equals:
                yield name, value if sure and word.static is not None else None
    elif command.name in ("read", "unset", "mapfile", "readarray", "getopts", "printf"):
        for word in command.words[1:]:
            yield word.known, None
