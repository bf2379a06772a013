"""The parts of a Dockerfile: instructions, words, flags, here-documents, each with its place."""

from __future__ import annotations

from typing import NamedTuple

from msgspec import Struct

from thwart.lib import _dockerfile_arguments as cut
from thwart.lib._dockerfile_text import Directive, Problem, Span, Text, split_lines


class Word(NamedTuple):
    """A word of the arguments as the parser leaves it (variables and quotes of ENV, ARG, LABEL and paths are kept)."""

    text: str
    span: Span


class Flag(NamedTuple):
    """`--name=value`; `value` is None without an equals sign."""

    name: str
    value: str | None
    span: Span


class Pair(NamedTuple):
    """A name and its value in ENV, LABEL and ARG; `legacy` is the form without an equals sign, `value` None has ARG alone."""

    name: Word
    value: Word | None
    legacy: bool


class Heredoc(NamedTuple):
    """A here-document: its lines begin at `line`; `content` is as written, tabs and all. `closed` has its end."""

    name: str
    content: str
    expand: bool
    chomp: bool
    descriptor: int
    line: int
    end_line: int
    closed: bool

    def text(self) -> Text:
        """The content with its places, leading tabs removed if `<<-` asks for it."""
        lines = split_lines(self.content)
        columns = [len(line) - len(line.lstrip("\t")) + 1 if self.chomp else 1 for line in lines]
        starts, at = [], 0
        for line, column in zip(lines, columns, strict=True):
            starts.append(at)
            at += len(line) - column + 1
        places = tuple((self.line + index, column) for index, column in enumerate(columns))
        bare = "".join(line[column - 1 :] for line, column in zip(lines, columns, strict=True))
        return Text(bare, tuple(starts) or (0,), places or ((self.line, 1),))


def _opens_heredoc(word: str) -> bool:
    try:
        return cut.heredoc_word(word) is not None
    except cut.RefusedError:
        return False


class Instruction(Struct, kw_only=True, eq=False):
    """One instruction, to be read only. Of `args`, `pairs`, `check` and `trigger` those are filled that the instruction has.

    `args`: the words of FROM, EXPOSE, COPY, ADD, VOLUME and every JSON form; else one word with the whole text (USER,
    WORKDIR, RUN and CMD in shell form). `check` is the CMD or NONE of a HEALTHCHECK, `trigger` what ONBUILD keeps.
    """

    name: str  # upper case
    keyword: str  # as written
    span: Span  # from the keyword to the last character, here-documents included
    source: Text  # the whole line, continuations joined
    body: tuple[int, int]  # offsets in `source` of what follows the flags
    flags: tuple[Flag, ...] = ()
    args: tuple[Word, ...] = ()
    pairs: tuple[Pair, ...] = ()
    exec_form: bool = False
    check: Word | None = None
    trigger: Instruction | None = None
    heredocs: tuple[Heredoc, ...] = ()
    comments: tuple[str, ...] = ()

    @property
    def line(self) -> int:
        """The line of the keyword."""
        return self.span.line

    def flag(self, name: str) -> str | None:
        """The value of the last flag of that name, empty for a bare switch; None without the flag."""
        values = [flag.value or "" for flag in self.flags if flag.name == name]
        return values[-1] if values else None

    @property
    def body_text(self) -> str:
        """What follows the flags, continuations joined."""
        return self.source.text[slice(*self.body)]

    @property
    def target_is_heredoc(self) -> bool:
        """Whether COPY or ADD names a here-document as its destination, which no build takes."""
        return bool(self.args) and _opens_heredoc(self.args[-1].text)

    @property
    def sources(self) -> tuple[Word, ...]:
        """What COPY or ADD takes, here-documents left out; the last of `args` is where to."""
        if self.name not in ("COPY", "ADD"):
            return ()
        return tuple(word for word in self.args[:-1] if not self.heredocs or not _opens_heredoc(word.text))

    def script(self) -> Text | None:
        """The program that a shell gets: shell form and here-documents; None in JSON form or when there is nothing.

        A lone here-document is the program itself (Dockerfile reference, "Here-Documents"); else it is given to the shell.
        """
        if self.exec_form or self.name not in ("RUN", "CMD", "ENTRYPOINT", "HEALTHCHECK") or not self.args:
            return None
        line = self.source.part(*self.body)
        if not self.heredocs or self.name != "RUN":
            return line
        if _opens_heredoc(line.text):
            return self.heredocs[0].text()
        for heredoc in self.heredocs:
            content = heredoc._replace(chomp=False).text()
            line = line + Text("\n", (0,), ((heredoc.line - 1, 1),)) + content
            line += Text(heredoc.name, (0,), ((heredoc.end_line, 1),))
        return line


class Dockerfile(Struct, frozen=True, kw_only=True):
    """A Dockerfile as written. `problems` in the order of the file; a build stops at the first fatal one."""

    instructions: tuple[Instruction, ...]
    directives: tuple[Directive, ...]
    escape: str
    problems: tuple[Problem, ...]

    def directive(self, name: str) -> str | None:
        """The value of a parser directive; None without it."""
        return next((found.value for found in self.directives if found.name == name), None)
