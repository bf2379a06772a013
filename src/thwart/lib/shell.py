"""Shell programs read, not searched: POSIX sh and the parts of bash that build files and scripts use.

`parse` gives a tree with offsets, `commands` the simple commands in it with their surroundings. Nothing is run and nothing
is guessed: a word that depends on the running program has no static text, and what cannot be read is an `Unparsed`.

Not told apart from text: brace expansion, tildes, aliases, `eval`, history expansion. Whether `!(`, `@(` and their like are
patterns is decided as if `extglob` were on.
"""

from __future__ import annotations

from typing import NamedTuple

from thwart.lib._shell_parse import Parser
from thwart.lib._shell_tree import (
    AndOr,
    Arithmetic,
    Assignment,
    Command,
    Compound,
    Literal,
    Parameter,
    Part,
    Pipeline,
    Redirect,
    Script,
    Simple,
    Substitution,
    Unparsed,
    Word,
)
from thwart.lib._shell_walk import Invocation, walk

__all__ = [
    "AndOr",
    "Arithmetic",
    "Assignment",
    "Command",
    "Commands",
    "Compound",
    "Invocation",
    "Literal",
    "Parameter",
    "Part",
    "Pipeline",
    "Redirect",
    "Script",
    "Simple",
    "Substitution",
    "Unparsed",
    "Word",
    "commands",
    "parse",
]


class Commands(NamedTuple):
    """The simple commands in the order of the text, and what could not be read."""

    found: tuple[Invocation, ...]
    unparsed: tuple[Unparsed, ...]


def parse(text: str, *, max_size: int = 4 << 20, max_depth: int = 50, max_commands: int = 100_000) -> Script:
    """Read a program; what is too large, too deep, too much or against the grammar is its last item, an `Unparsed`."""
    if len(text) > max_size:
        return Script((Unparsed(f"longer than {max_size} characters", 0, len(text)),), 0, len(text))
    if "\0" in text:
        return Script((Unparsed("binary: it has a NUL character", 0, len(text)),), 0, len(text))
    return Parser(text, max_depth, max_commands).script()


def commands(script: Script, *, errexit: bool = False, pipefail: bool = False) -> Commands:
    """The simple commands of a program that is started with, or without, `-e` and `-o pipefail`."""
    found, unparsed = walk(script, errexit=errexit, pipefail=pipefail)
    return Commands(tuple(found), tuple(unparsed))
