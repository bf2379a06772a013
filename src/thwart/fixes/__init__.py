"""Fixes: findings and documents in, edited documents and a patch out; comments and formatting are kept.

A change of a document is cut out of its text by the places of what is in it, and counts only when the new text reads as
exactly what the edits mean. What cannot be changed so is refused with the reason: no file is ever written on a guess.
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence

from msgspec import Struct, field

from thwart.core.edit import Add, Append, Drop, Edit, Lines, Put
from thwart.core.limits import DEFAULT, Limits
from thwart.fixes._documents import Claims, DocumentEdit, Documents
from thwart.fixes._lines import edited, overlap
from thwart.fixes._tree import LINE_END, MendError
from thwart.fixes.patch import Change, unified

__all__ = ["Change", "Mended", "mend", "unified"]

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


class Mended(Struct, frozen=True, kw_only=True):
    """A file after its edits.

    `made` are the files that came beside it, by paths relative to its folder. `refused` has the reason of each group of
    edits, by its number, that was not made; `later` the groups that can be made once others are.
    """

    data: bytes
    made: dict[str, str] = field(default_factory=dict)
    refused: dict[int, str] = field(default_factory=dict)
    later: frozenset[int] = frozenset()


def mend(data: bytes, groups: Sequence[Sequence[Edit]], limits: Limits = DEFAULT) -> Mended:
    """Make edits in one file.

    Args:
        data: its content.
        groups: edits that belong together, each group made whole or not at all. Pointers and lines are those of `data`.
            Where two groups contradict each other, the first one counts.
        limits: bounds on the documents.
    """
    mark, encoding = next(((mark, name) for mark, name in _BOMS if data.startswith(mark)), (b"", "utf-8"))
    try:
        text = data[len(mark) :].decode(encoding)
    except UnicodeDecodeError:
        return Mended(data=data, refused=dict.fromkeys(range(len(groups)), "it is not text in UTF-8 or UTF-16"))
    work = _Work(text, limits)
    for number, group in enumerate(groups):
        work.take(number, group)
    work.finish()
    made = mark + work.text.encode(encoding)
    return Mended(data=made, made=work.files, refused=work.refused, later=frozenset(work.later))


class _Work:
    """Sorts groups out, and makes those that agree."""

    def __init__(self, text: str, limits: Limits) -> None:
        self.text = text
        self._original = text
        self.files: dict[str, str] = {}
        self.refused: dict[int, str] = {}
        self.later: set[int] = set()
        self._limits = limits
        self._claims = Claims()
        self._lines: list[Lines] = []
        self._chosen: dict[int, Sequence[Edit]] = {}
        self._by_lines = False

    def take(self, number: int, group: Sequence[Edit]) -> None:
        """Put a group on the list, unless it contradicts one that is there."""
        pointed = [one for one in group if isinstance(one, Put | Append | Drop)]
        lined = [one for one in group if isinstance(one, Lines)]
        if any(overlap(one, other) for one in lined for other in (*self._lines, *lined)):
            self.later.add(number)
            return
        if self._chosen and (pointed or lined) and bool(lined) != self._by_lines:
            self.later.add(number)  # lines would lead elsewhere after the other edits
            return
        objection = self._claims.objection(pointed) or _clash(group, self.files)
        if objection:
            self.refused[number] = objection
            return
        self._by_lines = self._by_lines or bool(lined)
        self._claims.promise(pointed)
        self._lines += lined
        self.files |= {one.path: one.text for one in group if isinstance(one, Add) and one.path}
        self._chosen[number] = group

    def finish(self) -> None:
        """Make the edits: all at once, or where that fails those of them that can be made together."""
        good: dict[int, Sequence[Edit]] = {}
        self._add(good, list(self._chosen))
        if len(good) < len(self._chosen):
            edits = [one for group in good.values() for one in group]
            self.files = {one.path: one.text for one in edits if isinstance(one, Add) and one.path}

    def _add(self, good: dict[int, Sequence[Edit]], numbers: list[int]) -> None:
        """Make more groups beside the good ones; where they cannot be made, each half of them."""
        more = {number: self._chosen[number] for number in numbers}
        try:
            self.text = self._made({**good, **more})
        except MendError as error:
            if len(numbers) == 1:
                self.refused[numbers[0]] = str(error)
                return
            half = len(numbers) // 2
            self._add(good, numbers[:half])
            self._add(good, numbers[half:])
        else:
            good |= more

    def _made(self, chosen: dict[int, Sequence[Edit]]) -> str:
        edits = [edit for group in chosen.values() for edit in group]
        lined = [one for one in edits if isinstance(one, Lines)]
        if lined:
            return edited(self._original, lined)
        pointed: list[DocumentEdit] = [one for one in edits if isinstance(one, Put | Append | Drop)]
        added = dict.fromkeys(one.text for one in edits if isinstance(one, Add) and not one.path)
        if not pointed and not added:
            return self._original
        documents = Documents.read(self._original, self._limits).edited(pointed)
        found = LINE_END.search(self._original)
        for text in added:
            documents = documents.added(text, found[0] if found else "\n")
        return documents.text


def _clash(group: Sequence[Edit], files: dict[str, str]) -> str:
    for one in group:
        if isinstance(one, Add) and files.get(one.path, one.text) != one.text:
            return f"another fix writes something else into {one.path}"
    return ""
