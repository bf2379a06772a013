"""Every simple command of a program, in the order of the text, with what surrounds it."""

from __future__ import annotations

from operator import itemgetter
from typing import NamedTuple

from msgspec import Struct

from thwart.lib._shell_tree import (
    AndOr,
    Arithmetic,
    Command,
    Compound,
    Literal,
    Parameter,
    Part,
    Pipeline,
    Redirect,
    Script,
    Simple,
    Unparsed,
    Word,
)


class _State(NamedTuple):
    errexit: bool
    pipefail: bool
    substituted: bool = False
    condition: bool = False  # its status is asked for, so it ends nothing
    background: bool = False
    function: str = ""
    last: bool = True  # its status is the program's
    contained: bool = False  # what it is a part of may fail and nobody asks


class Invocation(Struct, kw_only=True):
    """A simple command and its surroundings.

    `pipeline` are the commands joined by `|` and `position` is this one's place among them; `handled` says that a `||`
    follows, or that the command is a condition or negated: its failure is looked at. `contained`: it can end no more than
    a subshell, a part of a pipeline or a substitution, whose own failure has no effect. `substituted` is inside `$(...)`,
    backquotes or a process substitution. `function` names the function around it.
    """

    command: Simple
    pipeline: tuple[Command, ...]
    position: int
    handled: bool
    background: bool
    contained: bool
    errexit: bool
    pipefail: bool
    substituted: bool
    function: str
    last: bool

    @property
    def piped_into(self) -> Command | None:
        """What reads this command's output."""
        return self.pipeline[self.position + 1] if self.position + 1 < len(self.pipeline) else None

    @property
    def piped_from(self) -> Command | None:
        """What this command reads."""
        return self.pipeline[self.position - 1] if self.position else None

    @property
    def failure_ignored(self) -> bool:
        """Whether the program goes on, or ends well, although this command fails."""
        if self.handled or self.background or self.contained:
            return True
        if self.piped_into is not None and not self.pipefail:
            return True
        return not self.errexit and not self.last


def walk(script: Script, *, errexit: bool, pipefail: bool) -> tuple[list[Invocation], list[Unparsed]]:
    """All simple commands, those of substitutions and functions included, and all that could not be read."""
    walker = _Walker()
    walker.script(script, _State(errexit, pipefail))
    return walker.found, walker.unparsed


class _Walker:
    """`set -e` and `set -o pipefail` hold from where they stand; a subshell's own end with it."""

    def __init__(self) -> None:
        self.found: list[Invocation] = []
        self.unparsed: list[Unparsed] = []

    def script(self, script: Script, state: _State) -> _State:
        for number, item in enumerate(script.items):
            if isinstance(item, Unparsed):
                self.unparsed.append(item)
                continue
            last = state.last and number == len(script.items) - 1
            inner = state
            if last != state.last or item.background:
                inner = state._replace(last=last, background=state.background or item.background)
            state = _kept(state, self._and_or(item, inner))
        return state

    def _and_or(self, item: AndOr, state: _State) -> _State:
        end = len(item.pipelines) - 1
        excused = max((at for at, operator in enumerate(item.operators) if operator == "||"), default=-1)
        for number, pipeline in enumerate(item.pipelines):
            # `a && b`: a's failure is the list's; `a || b`: it is not, nor that of what stands before an a
            handled = number <= excused or state.condition or pipeline.negated
            last = state.last or (number < end and state.errexit)
            chained = state
            if handled != state.condition or last != state.last:
                chained = state._replace(condition=handled, last=last)
            state = _kept(state, self._pipeline(pipeline, chained))
        return state

    def _pipeline(self, pipeline: Pipeline, state: _State) -> _State:
        single = len(pipeline.commands) == 1
        for position, command in enumerate(pipeline.commands):
            if isinstance(command, Simple):
                changed = self._simple(command, pipeline, position, state)
            else:
                lost = position + 1 < len(pipeline.commands) and not state.pipefail
                changed = self._compound(command, state._replace(contained=True) if lost else state)
            if single:
                state = _kept(state, changed)
        return state

    def _simple(self, command: Simple, pipeline: Pipeline, position: int, state: _State) -> _State:
        self.found.append(
            Invocation(
                command=command,
                pipeline=pipeline.commands,
                position=position,
                handled=state.condition,
                background=state.background,
                contained=state.contained,
                errexit=state.errexit,
                pipefail=state.pipefail,
                substituted=state.substituted,
                function=state.function,
                last=state.last,
            )
        )
        lost = state._replace(contained=True) if command.words and not state.contained else state
        for assignment in command.assignments:
            self._word(assignment.value, lost)
            for word in assignment.elements or ():
                self._word(word, lost)
        for word in command.words:
            self._word(word, lost)
        self._redirects(command.redirects, lost)
        return _after_set(command, state) if command.name == "set" else state

    def _compound(self, command: Compound, state: _State) -> _State:
        for word in command.words:
            self._word(word, state)
        self._redirects(command.redirects, state)
        inner = state._replace(function=command.name or "?") if command.kind == "function" else state
        if command.kind == "(" and not state.errexit and not state.last:
            inner = state._replace(contained=True)
        scripts = [(script.start, True, script) for script in command.tests]
        scripts += [(script.start, False, script) for script in command.bodies]
        for _, test, script in sorted(scripts, key=itemgetter(0)):
            inner = _kept(inner, self.script(script, inner._replace(condition=True) if test else inner))
        return state if command.kind in ("(", "function") else _kept(state, inner)

    def _redirects(self, redirects: tuple[Redirect, ...], state: _State) -> None:
        for redirect in redirects:
            self._word(redirect.target, state)
            self._word(redirect.body, state)

    def _word(self, word: Word | None, state: _State) -> None:
        if word is None or (len(word.parts) == 1 and isinstance(word.parts[0], Literal)):
            return
        self._parts(word.parts, state)

    def _parts(self, parts: tuple[Part, ...], state: _State) -> None:
        for part in parts:
            if isinstance(part, Literal):
                continue
            if isinstance(part, Parameter):
                self._parts(part.operand, state)
            elif isinstance(part, Arithmetic):
                self._parts(part.parts, state)
            else:
                self.script(part.script, state._replace(substituted=True))


def _kept(state: _State, changed: _State) -> _State:
    """The options as they became, the rest as it was."""
    if (state.errexit, state.pipefail) == (changed.errexit, changed.pipefail):
        return state
    return state._replace(errexit=changed.errexit, pipefail=changed.pipefail)


def _after_set(command: Simple, state: _State) -> _State:
    """What `set` changes: POSIX.1-2024, XCU 2.15 "set"."""
    errexit, pipefail = state.errexit, state.pipefail
    named = ""
    for word in command.argv[1:]:
        if word is None or word in ("--", "-"):
            break
        if named:
            errexit = named == "-" if word == "errexit" else errexit
            pipefail = named == "-" if word == "pipefail" else pipefail
            named = ""
        elif word[:1] in ("-", "+"):
            errexit = word[0] == "-" if "e" in word[1:] else errexit
            named = word[0] if "o" in word[1:] else ""
        else:
            break
    return state._replace(errexit=errexit, pipefail=pipefail)
