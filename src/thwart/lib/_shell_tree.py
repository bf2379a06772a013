"""The tree of a shell program. Offsets are into the text that was parsed; `end` is exclusive."""

from __future__ import annotations

from typing import NamedTuple

from msgspec import Struct


class Literal(NamedTuple):
    """Text that stands for itself, quotes and escapes resolved."""

    text: str
    quoted: bool


class Parameter(NamedTuple):
    """`$name` or `${name...}`; `operation` is what follows the name up to the operand (`:-`, `##`, `[`...), else empty."""

    name: str
    operation: str
    operand: tuple[Part, ...]
    quoted: bool


class Substitution(NamedTuple):
    """`$(...)`, backquotes, `<(...)` or `>(...)`; `kind` is `$`, `<` or `>`."""

    kind: str
    script: Script
    quoted: bool


class Arithmetic(NamedTuple):
    """`$((...))`: its text, with what is substituted in it."""

    parts: tuple[Part, ...]
    quoted: bool


Part = Literal | Parameter | Substitution | Arithmetic


class Word(NamedTuple):
    """One word, made of parts."""

    parts: tuple[Part, ...]
    start: int
    end: int

    @property
    def static(self) -> str | None:
        """What the word says, None when that depends on the running program. Patterns and tildes stand for themselves."""
        if len(self.parts) == 1:
            part = self.parts[0]
            return part.text if isinstance(part, Literal) else None
        text = []
        for part in self.parts:
            if not isinstance(part, Literal):
                return None
            text.append(part.text)
        return "".join(text)

    @property
    def known(self) -> str:
        """The static text, with `\\ufffc` in place of each part that is not known."""
        return "".join(part.text if isinstance(part, Literal) else "\ufffc" for part in self.parts)

    @property
    def quoted(self) -> bool:
        """Whether any part is quoted."""
        return any(part.quoted for part in self.parts)

    @property
    def pattern(self) -> bool:
        """Whether the shell would look for files: `*`, `?` or `[` outside quotes."""
        return any(isinstance(part, Literal) and not part.quoted and set(part.text) & set("*?[") for part in self.parts)


class Assignment(NamedTuple):
    """`name=value`; `subscript` is the text in brackets, `elements` the words of `name=(...)`."""

    name: str
    subscript: str
    append: bool
    value: Word | None
    elements: tuple[Word, ...] | None
    start: int
    end: int


class Redirect(Struct):
    """A redirection. `target` of a here-document is its end word, `body` its text, `closed` whether the end was found."""

    operator: str
    descriptor: str
    target: Word
    start: int
    end: int
    body: Word | None = None
    closed: bool = True


class Simple(Struct):
    """A simple command: `words` with the command's name first, assignments before it."""

    assignments: tuple[Assignment, ...]
    words: tuple[Word, ...]
    redirects: tuple[Redirect, ...]
    start: int
    end: int

    @property
    def argv(self) -> tuple[str | None, ...]:
        """The words as far as they are static."""
        return tuple(word.static for word in self.words)

    @property
    def name(self) -> str | None:
        """The command's name; None when unknown, empty without one."""
        return self.words[0].static if self.words else ""


class Compound(Struct):
    """`kind`: `(`, `{`, `if`, `while`, `until`, `for`, `select`, `case`, `function`, `coproc`, `((`, `[[`.

    `tests` are conditions, `bodies` what runs; `words` what `for` runs over, what `case` compares, or what is tested.
    """

    kind: str
    name: str
    words: tuple[Word, ...]
    tests: tuple[Script, ...]
    bodies: tuple[Script, ...]
    redirects: tuple[Redirect, ...]
    start: int
    end: int


Command = Simple | Compound


class Pipeline(Struct):
    """Commands joined by `|`; `|&` is noted in `both`."""

    commands: tuple[Command, ...]
    negated: bool
    both: bool
    start: int
    end: int


class AndOr(Struct):
    """Pipelines joined by `&&` and `||`; `operators[i]` stands before `pipelines[i + 1]`."""

    pipelines: tuple[Pipeline, ...]
    operators: tuple[str, ...]
    background: bool
    start: int
    end: int


class Unparsed(Struct):
    """What could not be read, from here to the end, and why."""

    reason: str
    start: int
    end: int


class Script(Struct):
    """A list of commands."""

    items: tuple[AndOr | Unparsed, ...]
    start: int
    end: int

    @property
    def unparsed(self) -> Unparsed | None:
        """What could not be read of it (of scripts inside it see `Invocations.unparsed`)."""
        last = self.items[-1] if self.items else None
        return last if isinstance(last, Unparsed) else None
