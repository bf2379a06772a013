"""Documents within zip and tar archives and compressed files. All of it is hostile: sizes, counts, nesting, overlap."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, NamedTuple

from thwart.advisories.feeds import Document
from thwart.core.errors import ParseError
from thwart.lib.inflate import InflateError, inflate, kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from thwart.core.limits import Limits

Buffer = bytes | memoryview
_PIECE = 1 << 20

# APPNOTE.TXT 6.3: sections 4.3.7 (local header), 4.3.12 (central directory), 4.3.14 to 4.3.16 (ends of it).
_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_LOCATOR = struct.Struct("<4sIQI")
_END64 = struct.Struct("<4sQ2H2I4Q")
_NONE16, _NONE32 = 0xFFFF, 0xFFFFFFFF


class Member(NamedTuple):
    """One entry of a zip's central directory."""

    name: str
    date: str
    method: int
    crc: int
    packed: int
    size: int
    offset: int
    encrypted: bool


class Budget:
    """What one input may still cost: members and inflated bytes, over all of its nesting."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._members = limits.entries
        self._bytes = limits.layer_bytes

    def take(self, size: int) -> None:
        """Count a member; `ParseError` when the input is more than the limits allow."""
        self._members -= 1
        self._bytes -= size
        if self._members < 0:
            raise ParseError(f"more than {self.limits.entries} files in one archive")
        if self._bytes < 0:
            raise ParseError(f"inflates to more than {self.limits.layer_bytes} bytes")


def documents(name: str, data: Buffer, date: str, budget: Budget, depth: int = 0) -> Iterator[Document | ParseError]:
    """Every document in the bytes of a file, unwrapped as deep as the limits allow.

    A member that cannot be read is given as a `ParseError` in its place; raises one when the archive itself is broken.
    """
    if depth > budget.limits.nested_depth:
        raise ParseError("archives are nested too deeply")
    head = bytes(data[:512])
    if head[:4] == b"PK\x03\x04" or head[:4] == b"PK\x05\x06":
        yield from _zip(data, budget, depth)
    elif kind(head):
        whole = _inflated(data, budget)
        yield from documents(_bare(name), whole, date, budget, depth + 1)
    elif head[257:262] == b"ustar":
        yield from _tar(bytes(data), budget, depth)
    else:
        budget.take(len(data))
        yield Document(name, bytes(data), date)


def _bare(name: str) -> str:
    """The name without the suffix of its compression."""
    stem, dot, suffix = name.rpartition(".")
    return stem if dot and suffix in ("gz", "xz", "zst", "bz2") else name


def _inflated(data: Buffer, budget: Budget) -> bytes:
    pieces = (bytes(data[at : at + _PIECE]) for at in range(0, len(data), _PIECE))
    limits = budget.limits
    try:
        whole = b"".join(inflate(pieces, max_bytes=limits.nested_bytes, max_ratio=limits.ratio))
    except InflateError as error:
        raise ParseError(str(error)) from None
    if len(whole) > limits.ratio * max(len(data), 1) + _PIECE:
        raise ParseError(f"inflates to more than {limits.ratio} times its size: a decompression bomb")
    return whole


# -- zip ---------------------------------------------------------------------------------------------------------------


def _zip(data: Buffer, budget: Budget, depth: int) -> Iterator[Document | ParseError]:
    view = memoryview(data)
    packed = 0
    for member in members(view):
        if member.name.endswith("/"):
            continue
        packed += member.packed
        if packed > len(view):  # only entries that share bytes can add up to more: an overlap bomb
            raise ParseError("zip entries overlap")
        budget.take(member.size)
        try:
            content = _content(view, member, budget.limits)
        except ParseError as error:
            yield ParseError(f"{member.name[:200]}: {error.reason}")
            continue
        if content[:2] in (b"PK", b"\x1f\x8b", b"\x28\xb5", b"\xfd7", b"BZ"):
            try:
                yield from documents(member.name, content, member.date, budget, depth + 1)
            except ParseError as error:
                yield ParseError(f"{member.name[:200]}: {error.reason}")
        else:
            yield Document(member.name, content, member.date)


def members(view: memoryview) -> Iterator[Member]:
    """Entries of the central directory, in its order; `ParseError` when it is cut short or damaged."""
    offset, size, count = _directory(view)
    end = offset + size
    for _ in range(count):
        if offset + _CENTRAL.size > end:
            raise ParseError("the zip's directory ends in the middle")
        fields = _CENTRAL.unpack_from(view, offset)
        if fields[0] != b"PK\x01\x02":
            raise ParseError("the zip's directory is damaged")
        flags, method, clock, calendar, crc, packed, full = fields[3:10]
        name_length, extra_length, comment_length = fields[10:13]
        start = offset + _CENTRAL.size
        offset = start + name_length + extra_length + comment_length
        if offset > end:
            raise ParseError("the zip's directory ends in the middle")
        raw = bytes(view[start : start + name_length])
        place = fields[16]
        if _NONE32 in (packed, full, place):
            extra = bytes(view[start + name_length : start + name_length + extra_length])
            full, packed, place = _zip64(extra, full, packed, place)
        del clock
        yield Member(
            raw.decode("utf-8" if flags & 0x800 else "cp437", "replace"),
            _date(calendar),
            method,
            crc,
            packed,
            full,
            place,
            bool(flags & 1),
        )


def _directory(view: memoryview) -> tuple[int, int, int]:
    """Offset, size and number of entries of the central directory."""
    tail = bytes(view[-(_END.size + 0xFFFF) :])
    place = tail.rfind(b"PK\x05\x06")
    if place < 0 or place + _END.size > len(tail):
        raise ParseError("a zip without its end: cut short or damaged")
    _, _, _, _, count, size, offset, _ = _END.unpack_from(tail, place)
    start = len(view) - len(tail) + place
    if (count == _NONE16 or size == _NONE32 or offset == _NONE32) and start >= _LOCATOR.size:
        magic, _, far, _ = _LOCATOR.unpack_from(view, start - _LOCATOR.size)
        if magic == b"PK\x06\x07" and far + _END64.size <= len(view):
            end64 = _END64.unpack_from(view, far)
            if end64[0] == b"PK\x06\x06":
                count, size, offset = end64[7:10]
    if offset + size > len(view):
        raise ParseError("the zip's directory lies outside the file: cut short or damaged")
    return offset, size, count


def _zip64(extra: bytes, full: int, packed: int, place: int) -> tuple[int, int, int]:
    """Sizes and offset from the zip64 field (APPNOTE 4.5.3), for those that do not fit 32 bits."""
    at = 0
    while at + 4 <= len(extra):
        tag, length = struct.unpack_from("<2H", extra, at)
        if tag == 1:
            values = iter(struct.unpack_from(f"<{min(length, len(extra) - at - 4) // 8}Q", extra, at + 4))
            return tuple(next(values, one) if one == _NONE32 else one for one in (full, packed, place))  # type: ignore[return-value]
        at += 4 + length
    return full, packed, place


def _date(calendar: int) -> str:
    year, month, day = 1980 + (calendar >> 9), calendar >> 5 & 15, calendar & 31
    return f"{year}-{month:02d}-{day:02d}" if 1 <= month <= 12 and day >= 1 and year > 1980 else ""


def _content(view: memoryview, member: Member, limits: Limits) -> bytes:
    if member.encrypted:
        raise ParseError("is encrypted")
    bound = limits.nested_bytes if member.name.endswith(".zip") else limits.file_bytes
    if member.size > bound:
        raise ParseError(f"inflates to {member.size} bytes, more than {bound}")
    if member.offset + _LOCAL.size > len(view):
        raise ParseError("lies outside the archive")
    local = _LOCAL.unpack_from(view, member.offset)
    if local[0] != b"PK\x03\x04":
        raise ParseError("has no local header")
    start = member.offset + _LOCAL.size + local[9] + local[10]
    packed = view[start : start + member.packed]
    if len(packed) < member.packed:
        raise ParseError("is cut short")
    content = _unpacked(packed, member)
    if len(content) != member.size:
        raise ParseError("has another size than the directory says")
    if zlib.crc32(content) != member.crc:
        raise ParseError("does not have the checksum that the directory says")
    return content


def _unpacked(packed: memoryview, member: Member) -> bytes:
    if member.method == 0:
        return bytes(packed)
    if member.method != 8:
        raise ParseError(f"is packed with method {member.method}; only stored and deflated entries are read")
    try:
        return zlib.decompressobj(-15).decompress(packed, member.size + 1)
    except zlib.error as error:
        raise ParseError(f"is damaged: {error}") from None


# -- tar ---------------------------------------------------------------------------------------------------------------


def _tar(data: bytes, budget: Budget, depth: int) -> Iterator[Document | ParseError]:
    import io
    import tarfile
    import time

    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
            for member in archive:
                if not member.isreg():
                    continue
                budget.take(member.size)
                stream = archive.extractfile(member)
                content = stream.read(budget.limits.file_bytes + 1) if stream else b""
                if len(content) > budget.limits.file_bytes:
                    yield ParseError(f"{member.name[:200]}: has more than {budget.limits.file_bytes} bytes")
                    continue
                day = time.strftime("%Y-%m-%d", time.gmtime(min(max(member.mtime, 0), 1 << 33)))
                yield from documents(member.name, content, day, budget, depth + 1)
    except (tarfile.TarError, OSError, EOFError, OverflowError, ValueError, zlib.error) as error:
        raise ParseError(f"damaged tar archive: {error}") from None
