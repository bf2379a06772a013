"""Decoders of the feeds: one document in, records out. One file per format; each recognises its own input."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from thwart.core.advisory import Advisory, Affected, CveFacts, Support
from thwart.core.errors import ParseError
from thwart.core.limits import Limits
from thwart.core.registry import Registry


class Document:
    """One document of a feed: its name inside the archive or folder, its bytes, the day it was written (or empty)."""

    def __init__(self, name: str, data: bytes, date: str = "") -> None:
        self.name = name
        self.data = data
        self.date = date

    @cached_property
    def head(self) -> bytes:
        """The first 4 KiB, without a byte order mark."""
        return self.data[:4096].removeprefix(b"\xef\xbb\xbf")

    @cached_property
    def keys(self) -> frozenset[str]:
        """The keys of the top-level JSON object; empty for anything else."""
        import msgspec

        if not self.head.lstrip().startswith(b"{"):
            return frozenset()
        try:
            return frozenset(msgspec.json.decode(self.data, type=dict[str, msgspec.Raw]))
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            return frozenset()


class Entry(NamedTuple):
    """A record with its statements on packages."""

    advisory: Advisory
    affected: tuple[Affected, ...]


class Withdrawn(NamedTuple):
    """A record that was taken back on that day; older copies of it do not count either."""

    id: str
    modified: str
    source: str


class ReleaseDates(NamedTuple):
    """Until when a distribution's release is looked after: named days (`eol`, `eol-lts`, `eol-esm`, …) in ISO form."""

    id: str
    version: str
    codename: str
    dates: tuple[tuple[str, str], ...]


class Left(NamedTuple):
    """Something that was understood and left out on purpose, and how often."""

    reason: str
    times: int = 1


class Dated(NamedTuple):
    """The day which the document itself gives as its own."""

    date: str


class Damaged(NamedTuple):
    """One part of a document that could not be understood; the others count."""

    what: str
    reason: str


Record = Entry | CveFacts | Withdrawn | ReleaseDates | Support | Left | Dated | Damaged
Accepts = Callable[[Document], bool]
Decode = Callable[[Document, Limits], Iterator[Record]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoder:
    """A member: recognises a document by its name and content, and decodes it.

    `label` names the feed in the database; a decoder whose records come from several databases leaves it empty,
    and each record's `source` is the feed then.
    """

    name: str
    label: str
    accepts: Accepts
    decode: Decode = field(repr=False)


DECODERS: Registry[Decoder] = Registry(__name__)


def decoder(*, accepts: Accepts, label: str = "") -> Callable[[Decode], Decode]:
    """Register a decoder under its function's name.

    The function yields records; it raises `ParseError` when the document as a whole cannot be understood.
    """

    def register(decode: Decode) -> Decode:
        name = getattr(decode, "__name__", "")
        DECODERS.add(name, Decoder(name=name, label=label, accepts=accepts, decode=decode))
        return decode

    return register


def recognise(document: Document) -> Decoder | None:
    """The decoder that accepts the document, or None."""
    return next((member for member in DECODERS.load().values() if member.accepts(document)), None)


def json_error(error: Exception) -> ParseError:
    """One sentence for whatever a JSON decoder raised."""
    if isinstance(error, RecursionError):
        return ParseError("JSON is nested too deeply")
    return ParseError(f"not the JSON that was expected: {error}")
