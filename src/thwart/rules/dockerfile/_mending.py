"""Edits of a Dockerfile: changes of a few characters, put together to whole lines as they will be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from thwart.core.edit import Lines
from thwart.lib import shell
from thwart.lib.dockerfile import Instruction, Span
from thwart.rules._view import Hit
from thwart.rules.dockerfile._commands import Call, Ran
from thwart.rules.dockerfile._file import File

_INDENT = "    "


class Change(NamedTuple):
    """Put `text` in place of what is from a line and a column up to another, both from 1, the end exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int
    text: str


def replaced(span: Span, text: str) -> Change:
    """Another text there."""
    return Change(*span, text)


def after(span: Span, text: str) -> Change:
    """A text right after it."""
    return Change(span.end_line, span.end_column, span.end_line, span.end_column, text)


def above(line: int, text: str) -> Change:
    """A line of its own before that line."""
    return Change(line, 1, line, 1, f"{text}\n")


def removed(instruction: Instruction) -> Change:
    """An instruction, with its lines."""
    return Change(instruction.span.line, 1, instruction.span.end_line + 1, 1, "")


def without(file: File, span: Span) -> Change:
    """A word, with the blanks before it, and with its line where nothing else is on that."""
    line = file.lines[span.line - 1]
    before, behind = line[: span.column - 1], line[span.end_column - 1 :]
    if before.strip():
        return Change(span.line, len(before.rstrip()) + 1, span.end_line, span.end_column, "")
    if behind.strip() == file.parsed.escape:
        return Change(span.line, 1, span.end_line + 1, 1, "")
    if not behind.strip() and span.line > 1:  # the last of its instruction: with the continuation that leads to it
        start = span.line - 1
        while start > 1 and file.lines[start - 1].lstrip().startswith("#"):
            start -= 1
        bare = file.lines[start - 1].rstrip().removesuffix(file.parsed.escape).rstrip()
        return Change(start, len(bare) + 1, span.end_line, span.end_column, "")
    return Change(span.line, span.column, span.end_line, span.end_column + len(behind) - len(behind.lstrip()), "")


def flagged(call: Call, flag: str, behind: str) -> tuple[Change, ...]:
    """A flag after a word of the command; nothing where that word is not there as it is written."""
    span = call.where(behind)
    return (after(span, f" {flag}"),) if span else ()


def ended(run: Ran, command: str) -> tuple[Change, ...]:
    """One more command after all others of a RUN, if they went well; nothing where that cannot be said by `&&`."""
    program = run.step.program()
    if program is None or not program.dialect:
        return ()
    bare = program.text.text.rstrip()
    ending = f" && {command}"
    found = shell.commands(shell.parse(bare + ending))
    if not bare or found.unparsed or not found.found or found.found[-1].command.start != len(bare) + 4:
        return ()
    if len(run.step.instruction.heredocs) > 1 or (run.step.instruction.heredocs and not _lone(run)):
        return ()
    line, column = program.text.place(len(bare) - 1)
    return (Change(line, column + 1, line, column + 1, ending),)


def _lone(run: Ran) -> bool:
    """Whether a here-document is the program itself."""
    program = run.step.program()
    return program is not None and program.text.places[0][0] >= run.step.instruction.heredocs[0].line


def mended(file: File, hits: Iterable[tuple[Hit, tuple[Change, ...]]], *, safe: bool = False) -> Iterator[Hit]:
    """Hits with their edits. Changes of the same lines become one edit, of the first hit that asks for them."""
    found = list(hits)
    groups: list[list[tuple[int, Change]]] = []
    last = 0  # line of the group
    changes = ((number, one) for number, (_, ones) in enumerate(found) for one in ones)
    for number, change in sorted(changes, key=lambda one: one[1][:4]):
        if change.line > last:
            groups.append([])
        groups[-1].append((number, change))
        last = max(last, _last(change))
    edits: dict[int, list[Lines]] = {}
    for group in groups:
        edits.setdefault(min(number for number, _ in group), []).append(_lines(file, [one for _, one in group]))
    for number, (hit, asked) in enumerate(found):
        yield hit.mended(*edits.get(number, ()), safe=safe) if asked else hit


def _last(change: Change) -> int:
    """The last line that it touches; a change that ends before a line's first character does not touch that."""
    return max(change.end_line - (change.end_column == 1 and change.end_line > change.line), change.line)


def _lines(file: File, changes: list[Change]) -> Lines:
    """The lines as they will be; the text ends with a line feed unless nothing is left."""
    first, last = changes[0].line, max(_last(one) for one in changes)
    ending = "\r\n" if file.lines[0].endswith("\r") else "\n"
    changes = [one._replace(text=one.text.replace("\n", ending)) for one in dict.fromkeys(changes)]
    if all(one[:2] == one[2:4] and one.column == 1 and one.text.endswith("\n") for one in changes):
        return Lines(first=first, last=first - 1, text="".join(one.text for one in changes))
    text = "".join(f"{line}\n" for line in file.lines[first - 1 : last])
    starts = [0]
    for line in file.lines[first - 1 : last]:
        starts.append(starts[-1] + len(line) + 1)
    for one in sorted(changes, reverse=True):
        begin = starts[one.line - first] + one.column - 1
        end = starts[min(one.end_line - first, len(starts) - 1)] + (one.end_column - 1 if one.end_line <= last else 0)
        text = text[:begin] + one.text + text[end:]
    return Lines(first=first, last=last, text=text)
