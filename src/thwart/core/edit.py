"""Edits: the smallest changes of a document that close a finding, as rules name them and `fixes` applies them."""

from __future__ import annotations

from msgspec import Struct

Pointer = tuple[str | int, ...]


class Put(Struct, frozen=True, kw_only=True):
    """Set the value that the pointer leads to in a YAML or JSON document; mappings on the way are made."""

    pointer: Pointer
    value: object
    document: int = 0


class Append(Struct, frozen=True, kw_only=True):
    """Add a value at the end of the list that the pointer leads to, unless it is in it; the list is made where it lacks."""

    pointer: Pointer
    value: object
    document: int = 0


class Drop(Struct, frozen=True, kw_only=True):
    """Remove the key or the entry that the pointer leads to."""

    pointer: Pointer
    document: int = 0


class Lines(Struct, frozen=True, kw_only=True):
    """Replace the lines `first` to `last`, counted from 1, by a text; with `last` one less than `first`, insert before it."""

    first: int
    last: int
    text: str


class Add(Struct, frozen=True, kw_only=True):
    """Write a new file beside the document, or a new document at its end where `path` is empty."""

    text: str
    path: str = ""


Edit = Put | Append | Drop | Lines | Add


class Mend(Struct, frozen=True, kw_only=True):
    """Edits that close a finding together. `safe`: they cannot change what a sound program does."""

    edits: tuple[Edit, ...]
    safe: bool = False
