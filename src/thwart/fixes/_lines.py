"""Edits of lines."""

from __future__ import annotations

from collections.abc import Iterable

from thwart.core.edit import Lines
from thwart.fixes._tree import MendError


def overlap(one: Lines, other: Lines) -> bool:
    """Whether two edits touch the same lines, so that only one can be made at a time. Equal ones are one."""
    if one == other:
        return False
    if _inserts(one) and _inserts(other):
        return False
    if _inserts(one):
        return other.first < one.first <= other.last
    if _inserts(other):
        return one.first < other.first <= one.last
    return one.first <= other.last and other.first <= one.last


def _inserts(edit: Lines) -> bool:
    return edit.last == edit.first - 1


def edited(text: str, edits: Iterable[Lines]) -> str:
    """The text with edits that do not overlap. Line breaks are those of the file; a missing last one stays missing.

    Raises:
        MendError: the file has no such lines.
    """
    lines = _split(text)
    newline = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    for edit in sorted(dict.fromkeys(edits), key=lambda one: (one.first, one.last, one.text), reverse=True):
        if not (1 <= edit.first <= len(lines) + 1 and edit.first - 1 <= edit.last <= len(lines)):
            raise MendError(f"it has no lines {edit.first} to {edit.last}")
        made = (
            [line.removesuffix("\r") + newline for line in edit.text.removesuffix("\n").split("\n")]
            if edit.text
            else []
        )
        at_end = edit.last == len(lines)
        open_end = bool(lines) and not lines[-1].endswith("\n")
        if at_end and open_end and made:
            made[-1] = made[-1].removesuffix(newline)
            if _inserts(edit):
                lines[-1] += newline
        lines[edit.first - 1 : edit.last] = made
    return "".join(lines)


def _split(text: str) -> list[str]:
    """Only a line feed ends a line, as in Dockerfiles."""
    pieces = text.split("\n")
    return [piece + "\n" for piece in pieces[:-1]] + ([pieces[-1]] if pieces[-1] else [])
