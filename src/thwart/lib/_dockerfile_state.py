"""What holds at one instruction of a stage: variables, user, directory, shell; and the program that it runs."""

from __future__ import annotations

import csv
import posixpath
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from msgspec import Struct, field

from thwart.lib._dockerfile_expand import Expansion, expand
from thwart.lib._dockerfile_model import Instruction, Word
from thwart.lib._dockerfile_text import Span, Text

DEFAULT_SHELL = ("/bin/sh", "-c")
WINDOWS_SHELL = ("cmd", "/S", "/C")
_POSIX_SHELLS = frozenset({"sh", "bash", "dash", "ash", "ksh", "mksh", "zsh"})


class History(Struct):
    """Every value that a stage's variables have had, by the number of the change; then those of the stage before."""

    before: Environment | None = None
    changes: int = 0
    values: dict[str, tuple[list[int], list[str]]] = field(default_factory=dict)

    def set(self, name: str, value: str) -> None:
        """One more change."""
        self.changes += 1
        numbers, texts = self.values.setdefault(name, ([], []))
        numbers.append(self.changes)
        texts.append(value)

    def snapshot(self) -> Environment:
        """The variables as they are at present, unmoved by later changes."""
        return Environment(self, self.changes)


class Environment(NamedTuple):
    """The variables at one point of a stage; those of a base image are not known here."""

    history: History
    version: int

    def get(self, name: str) -> str | None:
        """The value; None when nothing in the Dockerfile has set it."""
        view: Environment | None = self
        while view is not None:
            found = view.history.values.get(name)
            if found is not None:
                index = bisect_right(found[0], view.version)
                if index:
                    return found[1][index - 1]
            view = view.history.before
        return None

    def names(self) -> Iterator[str]:
        """The names that have a value, the newest stage's first."""
        seen: set[str] = set()
        view: Environment | None = self
        while view is not None:
            for name, (numbers, _) in view.history.values.items():
                if numbers[0] <= view.version and name not in seen:
                    seen.add(name)
                    yield name
            view = view.history.before


class Setting(NamedTuple):
    """Something that holds for the image: what it came to, and the instruction that said so."""

    value: Expansion
    instruction: Instruction
    word: Word


class Mount(NamedTuple):
    """A `RUN --mount`; `options` has every key in lower case, the text of a bare key is empty."""

    kind: str
    options: Mapping[str, str]
    span: Span

    @property
    def target(self) -> str:
        """Where it is mounted; empty when not said."""
        return next((self.options[key] for key in ("target", "dst", "destination") if key in self.options), "")

    @property
    def source(self) -> str:
        """The source, empty when not said."""
        return self.options.get("source", self.options.get("src", ""))


class Program(NamedTuple):
    """A program and who reads it: `dialect` is `bash`, `sh` or empty for what is no shell of that family."""

    text: Text
    interpreter: tuple[str, ...]
    dialect: str
    errexit: bool
    pipefail: bool


class Step(Struct, frozen=True, kw_only=True):
    """An instruction in its stage, with what holds before it. `triggered`: an ONBUILD of the stage below."""

    instruction: Instruction
    environment: Environment
    escape: str
    shell: tuple[str, ...]
    user: Setting | None  # None: what the base image says
    workdir: str | None  # None: what the base image says, not known
    triggered: bool = False

    def expand(self, word: str) -> Expansion:
        """The word with the variables of this step."""
        return expand(word, self.environment.get, escape=self.escape)

    def mounts(self) -> tuple[Mount, ...]:
        """The mounts of a RUN, their values expanded."""
        return tuple(
            self._mount(flag.value or "", flag.span) for flag in self.instruction.flags if flag.name == "mount"
        )

    def _mount(self, value: str, span: Span) -> Mount:
        options: dict[str, str] = {}
        for part in _fields(value):
            key, equals, text = part.partition("=")
            options[key.lower()] = self.expand(text).text if equals else ""
        return Mount(options.get("type", "bind").lower(), options, span)

    def program(self) -> Program | None:
        """What RUN, CMD, ENTRYPOINT or HEALTHCHECK hands to a shell; None in JSON form."""
        text = self.instruction.script()
        if text is None:
            return None
        lone = len(self.instruction.heredocs) == 1 and text.places[0][0] >= self.instruction.heredocs[0].line
        if lone and text.text.startswith("#!"):
            first = text.text.partition("\n")[0][2:].split()
            interpreter = tuple(first[1:] if first and posixpath.basename(first[0]) == "env" and first[1:] else first)
        else:
            interpreter = self.shell
        return Program(text, interpreter, dialect(interpreter), *_options(interpreter))


def _fields(value: str) -> list[str]:
    if '"' not in value:
        return value.split(",") if value else []
    try:
        return next(csv.reader([value], strict=True), [])
    except csv.Error:
        return value.split(",")


def dialect(shell: tuple[str, ...]) -> str:
    """`bash` for shells with its extensions, `sh` for plain ones, empty for cmd, PowerShell, Python and the rest."""
    name = posixpath.basename(shell[0].replace("\\", "/")).lower().removesuffix(".exe") if shell else ""
    if name in ("busybox", "env") and len(shell) > 1:
        return dialect(shell[1:])
    if name not in _POSIX_SHELLS:
        return ""
    return "bash" if name in ("bash", "zsh", "ksh", "mksh") else "sh"


def _options(shell: tuple[str, ...]) -> tuple[bool, bool]:
    """Whether the shell is started with -e and with -o pipefail."""
    errexit = pipefail = named = False
    for word in shell[1:]:
        if named:
            errexit |= word == "errexit"
            pipefail |= word == "pipefail"
            named = False
        elif word.startswith("-") and not word.startswith("--"):
            errexit |= "e" in word
            named = word.endswith("o")
    return errexit, pipefail
