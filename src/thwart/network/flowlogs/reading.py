"""Lines of a flow log in, flows out. The format is known from the lines, or given.

Nothing is fatal and nothing is dropped: what is no flow comes out as a `Problem` that says why.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import BinaryIO

import msgspec

from thwart.core.errors import UsageError
from thwart.network.flowlogs import FlowRecord, Problem
from thwart.network.flowlogs._words import Ends, Odd, cut, malformed
from thwart.network.flowlogs.formats import MEMBERS, Format, Read, Sample, Stream

LINE_BYTES = 1 << 20  # of one record
DOCUMENT_BYTES = 64 << 20  # of one JSON value that is spread over lines
_BOM = b"\xef\xbb\xbf"
_PAIRS = {b"{": (b"}", b"},"), b"[": (b"]",), b"[{": (b"}]",)}
_RESULT = re.compile(rb'\{\s*"(?:flows|items|total|meta)"\s*:')  # an answer with a list of flows in it
_LISTS = (b'{"flows"', b'{"items"', b'{"total"', b'{"meta"')
_UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)


def formats() -> list[str]:
    """The names of all formats."""
    return MEMBERS.names()


def bounded_lines(stream: BinaryIO, most: int = LINE_BYTES) -> Iterator[bytes]:
    """The lines of a stream; of one that is longer than `most` only its beginning, one byte more than that."""
    while line := stream.readline(most + 1):
        yield line
        while len(line) > most and line[-1:] != b"\n":
            line = stream.readline(most + 1)


def read_flows(
    lines: Iterable[bytes],
    format: str = "auto",  # noqa: A002 - the word that everybody uses
    *,
    line_bytes: int = LINE_BYTES,
    document_bytes: int = DOCUMENT_BYTES,
    year: int = 0,
) -> Iterator[FlowRecord | Problem]:
    """The flows of one log, in order, and a `Problem` for whatever is none.

    Args:
        lines: the log's lines; see `bounded_lines`. A last one that lacks the line end which others have may be cut.
        format: a name of `formats()`, or `auto`: the first line that a format knows decides for the rest.
        line_bytes: longer lines are problems.
        document_bytes: a JSON value over several lines may not be longer.
        year: of times that lack it (RFC 3164), 0 where it is not known.

    Raises:
        UsageError: there is no such format.
    """
    member = None if format == "auto" else MEMBERS.get(format)
    if member is None and format != "auto":
        raise UsageError(f"there is no flow log format {format}", f"one of auto, {', '.join(formats())}")
    return _Reader(member, line_bytes, document_bytes, year).run(lines)


class _Reader:
    def __init__(self, member: type[Format] | None, line_bytes: int, document_bytes: int, year: int) -> None:
        self._stream = Stream(Ends(), year)
        self._line_bytes, self._document_bytes = line_bytes, document_bytes
        self._chosen: Format | None = member(self._stream) if member else None
        self._parts: list[bytes] = []
        self._size = self._first = 0
        self._cut = False  # whether the line at hand lacks its end

    def run(self, lines: Iterable[bytes]) -> Iterator[FlowRecord | Problem]:
        ended = False
        most, read = self._line_bytes, None
        for number, line in enumerate(lines, 1):
            if line[-1:] == b"\n":
                ended = True
            else:
                self._cut = ended
                line = line if ended else line + b"\n"  # noqa: PLW2901 - lines of which none has an end are whole
            if read is not None and 4 < len(line) <= most and not self._parts and self._plain(line):
                try:
                    found = read(line, number)
                except _UNREADABLE as error:
                    found = self._unread(line, error, number)
            else:
                found = self._line(line, number)
                read = self._chosen.read if self._chosen is not None else None
            if type(found) is FlowRecord or type(found) is Problem:
                yield found
            elif found is not None:
                yield from found  # type: ignore[misc]
        if self._parts:
            yield Problem(line=self._first, slug="flow-truncated", message="the log ends within a JSON value")

    def _plain(self, line: bytes) -> bool:
        """Whether a line holds one record and no more, as nearly all do: that need not be looked into again."""
        assert self._chosen is not None
        return not self._chosen.json or (line[:2] == b'{"' and not line.startswith(_LISTS))

    def _unread(self, line: bytes, error: Exception, number: int) -> Read:
        bare = line.strip()
        if not bare:
            return None
        if self._cut:
            return Problem(line=number, slug="flow-truncated", message="the log ends within a line")
        return malformed(number, str(error) if isinstance(error, Odd) else f"{cut(bare)}: {_short(error)}")

    def _line(self, line: bytes, number: int) -> Read:
        if len(line) > self._line_bytes:
            self._parts = []
            return _too_long(number, "a line", self._line_bytes)
        if self._parts:
            return self._more(line, number)
        if number == 1:
            line = line.removeprefix(_BOM)
        bare = line.strip()
        if not bare:
            return None
        if bare in _PAIRS and line[:1] == bare[:1] and (self._chosen is None or self._chosen.json):
            self._parts, self._size, self._first = [line], len(line), number
            return None
        return self._record(line, bare, number)

    def _more(self, line: bytes, number: int) -> Read:
        """One more line of a JSON value: a closing bracket that begins its line is the value's own."""
        opener, bare = self._parts[0].strip(), line.rstrip()
        if bare == opener:
            first, self._parts, self._size, self._first = self._first, [line], len(line), number
            return Problem(line=first, slug="flow-truncated", message="a JSON value that never ends")
        self._parts.append(line)
        self._size += len(line)
        if self._size > self._document_bytes:
            self._parts = []
            return _too_long(self._first, "a JSON value", self._document_bytes)
        if bare not in _PAIRS[opener]:
            return None
        whole, self._parts = b"".join(self._parts).rstrip().removesuffix(b","), []
        return self._record(whole, whole, self._first)

    def _record(self, line: bytes, bare: bytes, number: int) -> Read:
        chosen = self._chosen
        if chosen is None:
            chosen = self._chosen = self._choose(bare)
            if chosen is None:
                if self._cut:
                    return Problem(line=number, slug="flow-truncated", message="the log ends within a line")
                why = f"{cut(bare)} is of no flow log format that is known"
                return Problem(line=number, slug="flow-unrecognised", message=why)
        try:
            if chosen.json and (bare[:1] == b"[" or _RESULT.match(bare)):
                return self._several(chosen, bare, number)
            return chosen.read(line, number)
        except _UNREADABLE as error:
            return self._unread(line, error, number)

    def _several(self, chosen: Format, bare: bytes, number: int) -> Read:
        """The members of a list, or of the list in an answer."""
        found: list[FlowRecord | Problem] = []
        for raw in _members(bare):
            try:
                one = chosen.read(bytes(raw), number)
            except _UNREADABLE as error:
                one = malformed(number, str(error) if isinstance(error, Odd) else _short(error))
            if isinstance(one, FlowRecord | Problem):
                found.append(one)
            elif one is not None:
                found.extend(one)
        return found

    def _choose(self, bare: bytes) -> Format | None:
        value = None
        if bare[:1] in (b"{", b"["):
            try:
                value = msgspec.json.decode(bare)
                if bare[:1] == b"[" or _RESULT.match(bare):
                    value = msgspec.json.decode(next(iter(_members(bare)), msgspec.Raw(b"null")))
            except _UNREADABLE:
                value = None  # a line of conntrack begins with a bracket too
        sample = Sample(bare, value)
        for member in MEMBERS.load().values():
            if member.knows(sample):
                return member(self._stream)
        return None


def _members(bare: bytes) -> list[msgspec.Raw]:
    if bare[:1] == b"[":
        return msgspec.json.decode(bare, type=list[msgspec.Raw])
    parts = msgspec.json.decode(bare, type=dict[str, msgspec.Raw])
    return msgspec.json.decode(parts.get("flows", parts.get("items", b"[]")), type=list[msgspec.Raw])


def _too_long(number: int, what: str, most: int) -> Problem:
    why = f"{what} of more than {most} bytes: have one record a line (`jq -c '.[]'`)"
    return Problem(line=number, slug="flow-too-long", message=why)


def _short(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else text[:197] + "..."
