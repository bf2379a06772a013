"""Streaming reader of tar archives (POSIX.1-2017 pax, ustar, GNU, v7): headers parsed, unwanted content skipped.

Nothing is held but the wanted content and one piece of input, so memory does not follow the archive's size.

Where a header says two things, or readers differ, what Go's `archive/tar` makes of it counts: container engines unpack
layers with it, and an archive that shows a scanner other files than the engine is an attack. So global pax headers are
passed over, only the last of several pax headers counts, a GNU long name outweighs a pax path, and what is not a
regular file has no content whatever its size field says.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

from thwart.lib.tarnumbers import (
    Sparse,
    TarError,
    holes,
    number,
    old_sparse,
    overlaps,
    pax_records,
    pieces,
    sparse_header,
    sparse_map,
)

__all__ = ["Member", "TarError", "TarStream"]

BLOCK = 512
JUMP = 1 << 16  # a shorter stretch is read rather than sought over
META = 1 << 20  # bytes of one pax header or GNU long name; real ones stay far below
_ZERO = bytes(BLOCK)


class Member(NamedTuple):
    """One entry. `name` is as written; `kind` is its type flag (`0` file, `1` hard link, `2` symbolic link, `5` folder)."""

    name: str
    kind: str
    size: int
    mode: int
    link: str


class TarStream:
    """Iterate over `Member`s; ask `read` or `ranges` for the current member's content before going on.

    Args:
        chunks: the archive, inflated, in pieces of any size.
        max_members: bound on their number.
        jump: passes over that many bytes of the source, where it can seek; they must exist.

    Raises:
        TarError: while iterating or reading, when the archive is damaged, cut short or out of bounds.
    """

    def __init__(self, chunks: Iterator[bytes], *, max_members: int, jump: Callable[[int], None] | None = None) -> None:
        self._chunks = chunks
        self._jump = jump
        self._buffer = b""
        self._position = 0
        self._offset = 0  # of the end of the buffer
        self._max_members = max_members
        self._left = 0  # content bytes of the current member not yet consumed
        self._padding = 0
        self._consumed = 0  # content bytes of a sparse file taken, its map not counted
        self._sparse: Sparse | None = None
        self._header = _ZERO  # of the current member
        self._pax: dict[str, bytes] = {}

    @property
    def offset(self) -> int:
        """Bytes of the archive consumed so far."""
        return self._offset - (len(self._buffer) - self._position)

    def __iter__(self) -> Iterator[Member]:
        """Members in order; ends at the end mark, or at the end of the input where a writer left the mark out."""
        count = 0
        while True:
            self._skip(self._left + self._padding)
            self._left = self._padding = 0
            member = self._next()
            if member is None:
                return
            count += 1
            if count > self._max_members:
                raise TarError(f"holds more than {self._max_members} members")
            yield member

    def drain(self) -> None:
        """Consume what follows the end mark, so that a digest over the whole stream can be taken."""
        self._buffer, self._position = b"", 0
        for piece in self._chunks:
            self._offset += len(piece)

    def owner(self) -> tuple[int, int]:
        """The numbers of the current member's user and group; -1 where none is stated that makes sense."""
        return self._identity("uid", 108), self._identity("gid", 116)

    def _identity(self, key: str, start: int) -> int:
        try:
            return _decimal(self._pax[key]) if self._pax.get(key) else number(self._header, start, 8)
        except TarError:
            return -1

    def read(self, limit: int) -> bytes:
        """The whole content of the current member; TarError when it is longer than `limit` bytes."""
        size = self._left if self._sparse is None else self._sparse.size
        if size > limit:
            raise TarError(f"content of {size} bytes is more than {limit}")
        return self.ranges([(0, size)])[0][1]

    def head(self, length: int) -> bytes:
        """The first bytes of the content, which stay to be read."""
        if self._sparse is None:
            return self._peek(length)
        places = list(overlaps(self._pieces(), 0, min(length, self._sparse.size)))
        stored = self._peek(sum(count for _, count, _ in places))
        return holes(min(length, self._sparse.size), [(at, stored[here : here + n]) for here, n, at in places])

    def starts_with(self, magic: bytes) -> bool:
        """Whether the content begins with these bytes."""
        if self._sparse is not None:
            return self.head(len(magic)) == magic
        if self._left < len(magic):
            return False
        if len(self._buffer) - self._position < len(magic):
            self._peek(len(magic))
        return self._buffer.startswith(magic, self._position)

    def ranges(self, wanted: list[tuple[int, int]]) -> list[tuple[int, bytes]]:
        """Stretches (offset, length) of the content, sorted and not overlapping, cut at its end."""
        if self._sparse is not None:
            return [(start, self._sparse_range(start, length)) for start, length in wanted]
        parts, at = [], 0
        for start, length in wanted:
            gap = min(start - at, self._left)
            self._forward(gap)
            data = self._taken(min(length, self._left))
            parts.append((start, data))
            at += gap + len(data)
        return parts

    def content(self) -> Iterator[bytes]:
        """The current member's content in pieces; must be used up before the iteration goes on."""
        while self._left:
            if self._position == len(self._buffer):
                self._pull()
            piece = self._buffer[self._position : self._position + self._left]
            self._position += len(piece)
            self._left -= len(piece)
            yield piece

    def _next(self) -> Member | None:
        pax: dict[str, bytes] = {}
        long_name = long_link = None
        while True:
            block = self._block()
            if block is None:
                return None
            kind = chr(block[156])
            if kind not in "xgLKNX" or (kind in "NX" and not block.startswith(b"././@")):
                return self._member(block, kind, pax, long_name, long_link)
            size = number(block, 124, 12)
            if size > META:
                raise TarError(f"an extended header of {size} bytes")
            data = self._take(size)
            self._skip(-size % BLOCK)
            if kind == "L":
                long_name = data.split(b"\0", 1)[0]
            elif kind == "K":
                long_link = data.split(b"\0", 1)[0]
            elif kind in "xX":
                pax = pax_records(data)

    def _member(
        self, block: bytes, kind: str, pax: dict[str, bytes], long_name: bytes | None, long_link: bytes | None
    ) -> Member:
        name = long_name or pax.get("path") or _name(block)
        size = number(block, 124, 12)
        link = b""
        self._sparse = None
        self._header, self._pax = block, pax
        if pax.get("size"):
            size = _decimal(pax["size"])
        if kind != "0":
            kind = _kind(kind, name)
            link = long_link or pax.get("linkpath") or block[157:257].split(b"\0", 1)[0] if kind in "12" else b""
            if kind in "123456":
                size = 0
        self._left, self._padding = size, -size % BLOCK
        if kind in "0S" and (pax or kind == "S"):
            self._sparse = sparse_header(pax) or (old_sparse(block, self._extension) if kind == "S" else None)
            kind = "0"
        if self._sparse is not None:
            self._consumed = 0
            name, size = pax.get("GNU.sparse.name") or name, self._sparse.size
        return Member(_text(name), kind, size, number(block, 100, 8) & 0o7777, _text(link))

    def _extension(self) -> bytes:
        return self._take(BLOCK)

    def _pieces(self) -> list[tuple[int, int, int]]:
        """The map of the current sparse file; one that stands before the content (format 1.0) is read first."""
        sparse = self._sparse
        assert sparse is not None
        if sparse.pieces is None:
            segments = sparse_map(lambda: self._taken(BLOCK))
            sparse = self._sparse = sparse._replace(pieces=pieces(segments, sparse.size))
        assert sparse.pieces is not None
        return sparse.pieces

    def _sparse_range(self, start: int, length: int) -> bytes:
        places = self._pieces()
        assert self._sparse is not None
        length = max(0, min(length, self._sparse.size - start))
        found = []
        for here, count, at in overlaps(places, start, length):
            self._consumed += self._forward(here - self._consumed)
            data = self._taken(count)
            self._consumed += len(data)
            if len(data) < count:
                raise TarError("a sparse file's map does not fit its data")
            found.append((at, data))
        return holes(length, found)

    def _peek(self, length: int) -> bytes:
        want = min(length, self._left)
        while len(self._buffer) - self._position < want:
            self._more()
        return self._buffer[self._position : self._position + want]

    def _forward(self, length: int) -> int:
        """Pass over content of the current member; returns how much."""
        length = min(length, self._left)
        self._skip(length)
        self._left -= length
        return length

    def _taken(self, length: int) -> bytes:
        """Content of the current member; less than asked for at its end."""
        data = self._take(min(length, self._left))
        self._left -= len(data)
        return data

    def _block(self) -> bytes | None:
        """The next header block; None at the end of the archive."""
        position = self._position
        block = self._buffer[position : position + BLOCK]
        if len(block) == BLOCK:
            self._position = position + BLOCK
        else:
            if not block and not self._refill():
                return None
            block = self._take(BLOCK)
        if block == _ZERO:
            return None
        # adler32's low half is 1 + the sum of the bytes modulo 65521: the checksum at the price of one C call
        field = block[148:156]
        # its field is nearly always six digits, NUL and space
        try:
            if ((zlib.adler32(block) & 0xFFFF) - 1 - sum(field) + 256 - number(block, 148, 7)) % 65521:
                self._check_slowly(block, field)
        except TarError:
            raise TarError("a member's header has a wrong checksum: not a tar archive, or a damaged one") from None
        return block

    @staticmethod
    def _check_slowly(block: bytes, field: bytes) -> None:
        """Some historic writers summed signed characters; POSIX asks readers to accept that."""
        plain = sum(block) - sum(field) + 256
        signed = sum(b - 256 if b > 127 else b for b in block) - sum(b - 256 if b > 127 else b for b in field) + 256
        if number(block, 148, 8) not in (plain, signed):
            raise TarError

    def _more(self) -> None:
        piece = next(self._chunks, None)
        if piece is None:
            raise TarError("the archive ends in the middle of a member")
        self._buffer = self._buffer[self._position :] + piece
        self._position = 0
        self._offset += len(piece)

    def _take(self, length: int) -> bytes:
        position = self._position
        data = self._buffer[position : position + length]
        self._position = position + len(data)
        if len(data) == length:
            return data
        parts, missing = [data], length - len(data)
        while missing:
            piece = self._pull()
            parts.append(piece[:missing])
            self._position = min(missing, len(piece))
            missing -= self._position
        return b"".join(parts)

    def _skip(self, length: int) -> None:
        rest = len(self._buffer) - self._position
        if self._jump is not None and length - rest > JUMP:
            self._jump(length - rest)
            self._offset += length - rest
            self._position, length, rest = len(self._buffer), 0, 0
        while length > rest:
            length -= rest
            rest = len(self._pull())
        self._position += length

    def _refill(self) -> bool:
        """Get the next piece into an empty buffer; False at the end of the input."""
        piece = next(self._chunks, b"")
        self._buffer, self._position = piece, 0
        self._offset += len(piece)
        return bool(piece)

    def _pull(self) -> bytes:
        """Replace the used-up buffer by the next piece."""
        if not self._refill():
            raise TarError("the archive ends in the middle of a member")
        return self._buffer


def _kind(kind: str, name: bytes) -> str:
    """The type flag, with `\\0` (v7) told apart by name and unknown kinds taken as files (POSIX pax, typeflag)."""
    if kind == "\0":
        return "5" if name.endswith(b"/") else "0"
    return kind if kind in "123456S" else "0"


def _name(block: bytes) -> bytes:
    name = block[:100].split(b"\0", 1)[0]
    if block[345] and block[257:263] == b"ustar\0":
        return block[345:500].split(b"\0", 1)[0] + b"/" + name
    return name


def _decimal(text: bytes) -> int:
    if not text.isdigit() or len(text) > 20:
        raise TarError("a pax record has a size that is not a number")
    return int(text)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")
