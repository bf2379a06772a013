"""What one layer (or one tree) holds: the facts of its files and what it does to the layers below."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

from msgspec import Struct

from thwart.core.package import FileFacts
from thwart.lib.tarstream import Member

__all__ = [
    "CannotReopen",
    "LayerFacts",
    "Member",
    "MemberStream",
    "Note",
    "Placed",
    "Problem",
    "Request",
    "Watch",
    "note_of",
]


class MemberStream(Protocol):
    """A pass over the entries of a layer; the methods speak of the entry that was given out last."""

    def __iter__(self) -> Iterator[Member]: ...

    def read(self, limit: int) -> bytes:
        """The whole content."""

    def head(self, length: int) -> bytes:
        """The first bytes of the content."""

    def starts_with(self, magic: bytes) -> bool:
        """Whether the content begins with these bytes."""

    def ranges(self, wanted: list[tuple[int, int]]) -> list[tuple[int, bytes]]:
        """Stretches (offset, length) of the content, sorted and not overlapping."""

    def owner(self) -> tuple[int, int]:
        """The numbers of user and group; -1 where none is stated that makes sense."""


class CannotReopen(Exception):  # noqa: N818 - a fact about the stream
    """The layer stands in a stream that has gone by."""


class Problem(NamedTuple):
    """What could not be read: a slug, one sentence, and where."""

    slug: str
    message: str
    path: str


class Request(NamedTuple):
    """A file to be read after all: `path` in a layer, parsed by `cataloger` as if it were called `name`."""

    path: str
    cataloger: str
    name: str
    ranges: tuple[tuple[int, int], ...] = ()


class Note(NamedTuple):
    """What rules may have to say something of: an entry of a layer with its type flag, permission bits and owner.

    `holds` says what a look at the content, or the path, showed: `private-key`, `passwd`, `shell`. `detail` is what of it
    rules need, as rows of words, and never a secret. An owner of -1 is not known.
    """

    path: str
    kind: str
    mode: int
    uid: int = -1
    gid: int = -1
    size: int = 0
    holds: str = ""
    detail: tuple[tuple[str, ...], ...] = ()


def note_of(row: list[Any]) -> Note:
    """A note of the list that JSON makes of it; ValueError or TypeError for any other."""
    path, kind, mode, uid, gid, size, holds, detail = row
    return Note(path, kind, mode, uid, gid, size, holds, tuple(tuple(words) for words in detail))


class Placed(NamedTuple):
    """A note and the diffID of its layer; `hidden` where a later layer removes or replaces what it is about."""

    note: Note
    layer: str
    hidden: bool


class Watch(Protocol):
    """Takes notes while a layer is read."""

    def see(self, stream: MemberStream, member: Member, path: str) -> None:
        """Look at an entry; its content stays to be read."""

    def notes(self) -> tuple[Note, ...]:
        """What was noted."""

    def problems(self) -> tuple[Problem, ...]:
        """What could not be looked at."""


class LayerFacts(Struct, frozen=True, kw_only=True):
    """A layer, read once. Paths are relative to the root, without a leading slash, `..` resolved.

    `nondirs` holds all that is not a folder; `links` the symbolic links with their targets; `wanted_links` those links
    that lie where a cataloger expects a file; `hidden` and `opaque` are whiteouts (OCI image specification, "layer").
    `notes` are None where nobody took any.
    """

    files: tuple[FileFacts, ...] = ()
    dirs: tuple[str, ...] = ()
    nondirs: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    wanted_links: tuple[tuple[str, str], ...] = ()
    hidden: tuple[str, ...] = ()
    opaque: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    notes: tuple[Note, ...] | None = None
