"""The commands of a RUN: programs parsed, wrappers such as sudo taken off, variables put in where the file tells them."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from msgspec import Struct, field

from thwart.lib import shell
from thwart.lib.dockerfile import Span, Stage, Step, Text
from thwart.rules._programs import SHELLS, started, unwrapped
from thwart.rules.dockerfile._file import Made

UNKNOWN = "\ufffc"  # stands in a word for what only the running program knows
_MOST_NESTED = 4  # `sh -c` within `sh -c`
_MOST_VALUES = 20_000  # that are put in for variables, in one file
_LONGEST = 120  # of a value that is put in for its variable


class Call(NamedTuple):
    """A command that is run: its name without folders, its words, and what was taken off before them.

    `invocation` is None in JSON form, where there is no shell and so no pipe. `text` is the program that it is in, where the
    places of its words are exact; None in JSON form and within the words of another command.
    """

    name: str
    words: tuple[str, ...]
    wrappers: tuple[str, ...]
    span: Span
    invocation: shell.Invocation | None = None
    dialect: str = ""
    text: Text | None = None

    def where(self, word: str) -> Span | None:
        """Where a word stands as written; None where it comes from a variable or its place is not exact."""
        if self.text is None or self.invocation is None:
            return None
        for one in self.invocation.command.words:
            if one.static == word and self.text.text[one.start : one.end] == word:
                return self.text.span(one.start, one.end)
        return None

    def has(self, *flags: str) -> bool:
        """Whether one of these long or single-letter options is among the words; `-ay` has `-y`."""
        for word in self.words:
            if word in flags or word.partition("=")[0] in flags:
                return True
            if word[:1] == "-" and word[:2] != "--" and any(len(one) == 2 and one[1] in word[1:] for one in flags):
                return True
        return False

    @property
    def operands(self) -> list[str]:
        """The words that are no options."""
        return [word for word in self.words if not word.startswith("-")]


class Ran(Struct):
    """A RUN and its commands. `foreign` is the program that reads it, where that is no shell that rules know."""

    stage: Stage
    step: Step
    calls: list[Call] = field(default_factory=list)
    unparsed: list[tuple[int, str]] = field(default_factory=list)  # line, reason
    left: list[int] = field(default_factory=lambda: [_MOST_VALUES])  # variables that may still be put in, of the file
    foreign: str = ""

    def cached(self, *paths: str) -> bool:
        """Whether a mount that is no part of the image holds one of these folders, or what they are in."""
        targets = [mount.target.rstrip("/") for mount in self.step.mounts() if mount.kind in ("cache", "tmpfs")]
        return any(one and (path == one or path.startswith(f"{one}/")) for one in targets for path in paths)

    def removes(self, path: str) -> bool:
        """Whether a command removes the folder or what is in it."""
        return any(
            call.name in ("rm", "find", "unlink") and any(_covers(word, path) for word in call.words)
            for call in self.calls
        )


def _covers(word: str, path: str) -> bool:
    bare = word.rstrip("*").rstrip("/")
    return len(bare) > 1 and (path == bare or path.startswith(f"{bare}/") or bare.startswith(f"{path}/"))


def all_ran(runs: Iterable[Made]) -> list[Ran]:
    """Parse what each RUN of a file runs."""
    left = [_MOST_VALUES]
    return [_ran(Ran(one.stage, one.step, left=left)) for one in runs]


def _ran(run: Ran) -> Ran:
    instruction = run.step.instruction
    program = run.step.program()
    if program is not None:
        if program.dialect:
            _program(run, program.text, program.dialect, (program.errexit, program.pipefail), 0)
        else:
            run.foreign = posixpath.basename((program.interpreter or ("nothing",))[0])[:80]
    elif instruction.exec_form and instruction.args:
        words = tuple(word.text for word in instruction.args)
        _add(run, words, instruction.args[0].span, None, "", 0)
    return run


def _program(run: Ran, text: Text, dialect: str, options: tuple[bool, bool], depth: int, *, exact: bool = True) -> None:
    """The commands of a program; `exact` says that the places of its words are."""
    script = shell.parse(text.text)
    found = shell.commands(script, errexit=options[0], pipefail=options[1])
    run.unparsed += [(text.place(one.start)[0], one.reason) for one in found.unparsed]
    for one in found.found:
        words = tuple(part for word in one.command.words for part in _resolved(word, run))
        if words:
            span = text.span(one.command.words[0].start, one.command.words[0].end)
            call = _add(run, words, span, one, dialect, depth, text if exact else None)
            if call.name in SHELLS and depth < _MOST_NESTED and not any(w[:1] not in ("-", "+") for w in call.words):
                _input(run, text, call, one.command.redirects, depth, exact=exact)


def _input(run: Ran, text: Text, call: Call, redirects: tuple[shell.Redirect, ...], depth: int, *, exact: bool) -> None:
    """Of a shell that reads its program from a here-document: that program."""
    for one in redirects:
        if one.body is not None and one.operator in ("<<", "<<-") and one.descriptor in ("", "0"):
            errexit, pipefail, _ = started(call.words)
            body = text.part(one.body.start, one.body.end)
            _program(run, body, _kind(call.name), (errexit, pipefail), depth + 1, exact=exact)


def _add(
    run: Ran,
    words: tuple[str, ...],
    span: Span,
    invocation: shell.Invocation | None,
    dialect: str,
    depth: int,
    program: Text | None = None,
) -> Call:
    bare, wrappers = unwrapped(words)
    call = Call(posixpath.basename(bare[0]) if bare else "", bare[1:], wrappers, span, invocation, dialect, program)
    run.calls.append(call)
    if call.name in SHELLS and depth < _MOST_NESTED:
        errexit, pipefail, inner = started(call.words)
        if inner and UNKNOWN not in inner:
            text = Text(inner, (0,), ((span.line, span.column),))
            _program(run, text, _kind(call.name), (errexit, pipefail), depth + 1, exact=False)
    return call


def _kind(name: str) -> str:
    return "sh" if name in ("sh", "dash", "ash") else "bash"


def _resolved(word: shell.Word, run: Ran) -> tuple[str, ...]:
    """The words that a word comes to, as far as ENV and ARG tell."""
    text, split = [], False
    for part in word.parts:
        if isinstance(part, shell.Literal):
            text.append(part.text)
            continue
        value = None
        if isinstance(part, shell.Parameter) and not part.operation and run.left[0] > 0:
            value = run.step.environment.get(part.name)
        if value is not None and len(value) <= _LONGEST:
            split = split or not part.quoted
            run.left[0] -= 1
        else:
            value = None
        text.append(UNKNOWN if value is None else value)
    whole = "".join(text)
    return tuple(whole.split()) if split else (whole,)


def names(command: shell.Command) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The commands of a part of a pipeline, each as its name and its words; those of a compound one too."""
    if isinstance(command, shell.Simple):
        bare, _ = unwrapped(tuple(word.known for word in command.words))
        if bare:
            yield posixpath.basename(bare[0]), bare[1:]
        return
    for script in (*command.tests, *command.bodies):
        for one in shell.commands(script).found:
            yield from names(one.command)
