"""Command lines in documentation: code blocks of Markdown and reStructuredText, and lines after a prompt."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from thwart.lib.run_arguments import UNKNOWN
from thwart.rules.commands._lines import Line, Unread
from thwart.rules.commands._scripts import about, program

if TYPE_CHECKING:
    from thwart.lib.dockerfile import Text

_FENCE = re.compile(r"(?P<indent>[ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)?)(?P<mark>`{3,}|~{3,})[ \t]*(?P<info>[^\n`]*)")
_DIRECTIVE = re.compile(
    r"(?P<indent>[ \t]*)\.\.[ \t]+(?:code-block|code|sourcecode|prompt|parsed-literal)::[ \t]*(?P<info>\S*)"
)
_PROMPT = re.compile(r"(?:\([^()\n]{1,40}\)[ \t]+)?(?:[\w.@~/:\[\]-]{0,80}[ \t]?[$%#❯➜])[ \t]+")
_DOLLAR = re.compile(r"(?:\([^()\n]{1,40}\)[ \t]+)?(?:[\w.@~/:\[\]-]{0,80}[ \t]?\$)[ \t]+")
_PLACEHOLDER = re.compile(r"<[A-Za-z][^<>|&;\n]{0,80}>")
_BARE = re.compile(r"[ \t]*(?=(?:sudo[ \t]+)?(?:docker|podman)[ \t])")
_SYNOPSIS = re.compile(r"[\[\]{}<>|]|\.\.\.|…")
_SESSIONS = frozenset({"console", "shell-session", "shellsession", "sh-session", "terminal"})
_SHELLS = _SESSIONS | {"sh", "bash", "shell", "zsh", "ksh", "fish", "cli"}
_ANY = frozenset({"", "text", "txt", "plaintext", "none", "no-highlight", "nohighlight", "output"})
_LANGUAGE = re.compile(r"[{.]*\s*([\w+-]*)")


_Piece = tuple[int, int, str]  # line, column, text


class _Block(NamedTuple):
    """Lines of code: each with its number and the column where it begins."""

    language: str
    lines: list[_Piece]


def documents(text: str, *, restructured: bool = False) -> Iterator[Line | Unread]:
    """The lines of a document. Synopses, which say what may be written, are passed over."""
    for block in _blocks(text.split("\n"), restructured):
        if block.language in _SHELLS or block.language in _ANY:
            yield from _block(block)


def _block(block: _Block) -> Iterator[Line | Unread]:
    for pieces in _groups(block):
        if about("\n".join(line for _, _, line in pieces)):
            for one in program(_text(pieces), example=True):
                if isinstance(one, Unread) or not (_SYNOPSIS.search(one.run.image) or one.run.image.isupper()):
                    yield one


def _groups(block: _Block) -> list[list[_Piece]]:
    """What of a block is read as a program: what was typed, else all of it, else lines that begin as such a command."""
    session = block.language in _SESSIONS
    if session and any(_PROMPT.match(line) for _, _, line in block.lines):
        return list(_typed(block.lines, _PROMPT))
    if any(_DOLLAR.match(line) for _, _, line in block.lines):
        return list(_typed(block.lines, _DOLLAR))
    if block.language in _SHELLS and not session:
        return [block.lines]
    return list(_typed(block.lines, _BARE))


def _typed(lines: list[_Piece], begin: re.Pattern[str]) -> Iterator[list[_Piece]]:
    """The lines that begin as commands do, each with those that continue it."""
    at = 0
    while at < len(lines):
        number, column, line = lines[at]
        at += 1
        mark = begin.match(line)
        if mark is None:
            continue
        group = [(number, column + mark.end(), line[mark.end() :])]
        while group[-1][2].rstrip().endswith("\\") and at < len(lines):
            number, column, line = lines[at]
            more = 2 if line.startswith("> ") else 0
            group.append((number, column + more, line[more:]))
            at += 1
        yield group


def _text(pieces: list[_Piece]) -> Text:
    """One text of these lines; `<name>`, which the reader is to fill in, is not known."""
    from thwart.lib.dockerfile import Text

    parts, starts, places, at = [], [], [], 0
    for number, column, line in pieces:
        shown = _PLACEHOLDER.sub(lambda mark: UNKNOWN * len(mark[0]), line.rstrip())
        parts.append(shown)
        starts.append(at)
        places.append((number, column))
        at += len(shown) + 1
    return Text("\n".join(parts), tuple(starts), tuple(places))


def _blocks(lines: list[str], restructured: bool) -> Iterator[_Block]:
    at = 0
    while at < len(lines):
        fence = None if restructured else _FENCE.match(lines[at])
        directive = _DIRECTIVE.match(lines[at]) if restructured else None
        if fence is not None:
            block, at = _fenced(lines, at + 1, fence)
            yield block
        elif directive is not None:
            block, at = _indented(lines, at + 1, len(directive["indent"]), directive["info"])
            yield block
        elif restructured and lines[at].rstrip().endswith("::"):
            block, at = _indented(lines, at + 1, len(lines[at]) - len(lines[at].lstrip()), "")
            yield block
        elif not restructured and lines[at].startswith(("    ", "\t")) and (at == 0 or not lines[at - 1].strip()):
            block, at = _indented(lines, at, 0, "")
            yield block
        else:
            at += 1


def _language(info: str) -> str:
    found = _LANGUAGE.match(info.strip())
    return found[1].lower() if found else ""


def _fenced(lines: list[str], at: int, fence: re.Match[str]) -> tuple[_Block, int]:
    """CommonMark 0.31.2, 4.5: to a fence of the same mark that is at least as long, or to the end."""
    mark, found = fence["mark"], []
    indent = len(fence["indent"])
    while at < len(lines):
        line = lines[at]
        bare = line.lstrip(" \t>")
        at += 1
        if bare.startswith(mark) and not bare.rstrip().strip(mark[0]):
            break
        skipped = min(len(line) - len(bare), indent)
        found.append((at, skipped + 1, line[skipped:].rstrip("\r")))
    return _Block(_language(fence["info"]), found), at


def _indented(lines: list[str], at: int, indent: int, info: str) -> tuple[_Block, int]:
    """The lines that stand deeper than `indent`."""
    found = []
    while at < len(lines):
        bare = lines[at].lstrip()
        deep = len(lines[at]) - len(bare)
        if bare and deep <= indent:
            break
        at += 1
        found.append((at, deep + 1, bare.rstrip("\r")))
    return _Block(_language(info), found), at
