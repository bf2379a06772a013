"""What edits mean, on values alone: the measure that every change of a text is held against."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from thwart.core.edit import Append, Drop, Pointer, Put
from thwart.core.locate import written
from thwart.fixes._tree import MendError

if TYPE_CHECKING:
    from collections.abc import Iterable


def ordered(edits: Iterable[Put | Append | Drop]) -> list[Put | Append | Drop]:
    """In the order in which they mean the same whoever comes first: what holds others, what is in it, lists, removals.

    Entries of a list are removed from its end, so that a pointer leads to what it led to.
    """

    def rank(edit: Put | Append | Drop) -> tuple[int, int, tuple[tuple[int, str], ...]]:
        if isinstance(edit, Drop):
            return 2, 0, tuple((-step, "") if isinstance(step, int) else (1, step) for step in edit.pointer)
        return int(isinstance(edit, Append)), len(edit.pointer), ()

    return sorted(edits, key=rank)


def applied(root: object, edit: Put | Append | Drop) -> object:
    """The value with the edit made; what is not touched is shared with the old one.

    Raises:
        MendError: the pointer leads through what is neither mapping nor list.
    """
    return _at(root, edit.pointer, edit, 0)


def _at(node: object, pointer: Pointer, edit: Put | Append | Drop, depth: int) -> object:
    if depth == len(pointer):
        return _end(node, edit)
    step = pointer[depth]
    if isinstance(node, list):
        if not isinstance(step, int) or not 0 <= step < len(node):
            if isinstance(edit, Drop):
                return node
            raise MendError(f"{written(pointer[: depth + 1])} leads out of a list")
        if isinstance(edit, Drop) and depth + 1 == len(pointer):
            return [*node[:step], *node[step + 1 :]]
        return [*node[:step], _at(node[step], pointer, edit, depth + 1), *node[step + 1 :]]
    if node is not None and not isinstance(node, dict):
        if isinstance(edit, Drop):
            return node
        raise MendError(f"{written(pointer[:depth]) or 'the document'} is not a mapping")
    return _key(dict(node or {}), node, pointer, edit, depth)


def _key(
    made: dict[str | int, object], node: object, pointer: Pointer, edit: Put | Append | Drop, depth: int
) -> object:
    step = pointer[depth]
    if isinstance(step, int):
        raise MendError(f"{written(pointer[:depth]) or 'the document'} is not a list")
    if isinstance(edit, Drop):
        if step not in made:
            return node
        if depth + 1 == len(pointer):
            del made[step]
            return made
    made[step] = _at(made.get(step), pointer, edit, depth + 1)
    return made


def _end(node: object, edit: Put | Append | Drop) -> object:
    if isinstance(edit, Put):
        return edit.value
    if isinstance(edit, Drop):
        raise MendError("a whole document cannot be removed")
    if node is not None and not isinstance(node, list):
        raise MendError(f"{written(edit.pointer)} is not a list")
    entries: list[object] = list(node or [])
    return entries if any(same(one, edit.value) for one in entries) else [*entries, edit.value]


def same(one: object, other: object) -> bool:
    """Equal in type too: 1 is neither true nor 1.0; two values that are no number are the same."""
    if one is other:
        return True
    if isinstance(one, dict):
        return (
            isinstance(other, dict)
            and len(one) == len(other)
            and all(key in other and same(value, other[key]) for key, value in one.items())
        )
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    return type(one) is type(other) and one == other


def contradict(one: Put | Append | Drop, other: Put | Append | Drop) -> bool:
    """Whether two edits of a document cannot both be made."""
    if isinstance(one, Drop):
        return not isinstance(other, Drop) and _under(other.pointer, one.pointer)
    if isinstance(other, Drop):
        return _under(one.pointer, other.pointer)
    if isinstance(one, Append) and isinstance(other, Append):
        return False
    outer, inner = (one, other) if len(one.pointer) <= len(other.pointer) else (other, one)
    if isinstance(outer, Append):
        return isinstance(inner, Put) and inner.pointer == outer.pointer and not isinstance(inner.value, list)
    if not _under(inner.pointer, outer.pointer):
        return False
    return _disagrees(outer.value, inner, len(outer.pointer))


def _under(pointer: Pointer, above: Pointer) -> bool:
    return pointer[: len(above)] == above


def _disagrees(value: object, inner: Put | Append, depth: int) -> bool:
    for step in inner.pointer[depth:]:
        if isinstance(value, dict):
            if step not in value:
                return False
            value = value[step]
        elif isinstance(value, list) and isinstance(step, int) and 0 <= step < len(value):
            value = value[step]
        else:
            return True
    return not isinstance(value, list) if isinstance(inner, Append) else not same(value, inner.value)
