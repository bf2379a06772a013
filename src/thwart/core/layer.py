"""What one layer (or one tree) holds: the facts of its files and what it does to the layers below."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from thwart.core.package import FileFacts
from thwart.lib.tarstream import Member

__all__ = ["CannotReopen", "LayerFacts", "Member", "MemberStream", "Problem", "Request"]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerFacts:
    """A layer, read once. Paths are relative to the root, without a leading slash, `..` resolved.

    `nondirs` holds all that is not a folder; `links` the symbolic links with their targets; `wanted_links` those links
    that lie where a cataloger expects a file; `hidden` and `opaque` are whiteouts (OCI image specification, "layer").
    """

    files: tuple[FileFacts, ...] = ()
    dirs: tuple[str, ...] = ()
    nondirs: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    wanted_links: tuple[tuple[str, str], ...] = ()
    hidden: tuple[str, ...] = ()
    opaque: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
