"""A zip archive's index and members, from bytes, with everything bounded.

Source: PKWARE APPNOTE 6.3.10: 4.3.7 (local header), 4.3.12 (central directory), 4.3.14 to 4.3.16 (its end, also
zip64), 4.5.3 (zip64 extra field). As the Java launcher does, the central directory is what counts, and bytes before
the first member are allowed.
"""

from __future__ import annotations

import struct
import zlib
from bisect import bisect_right, insort
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCAL = b"PK\x03\x04"
_CENTRAL = 0x02014B50
_END = b"PK\x05\x06"
_END64 = b"PK\x06\x06"
_LOCATOR64 = b"PK\x06\x07"
_COMMENT = 0xFFFF
_ALL = 0xFFFFFFFF

_STEP = struct.Struct("<I24xHHH12x")
_MEMBER = struct.Struct("<8xHH4xIII14xI")
_TAIL = struct.Struct("<4xHHHHII")
_TAIL64 = struct.Struct("<4x12xIIQQQQ")


class ZipError(ValueError):
    """The archive, or one member, cannot be read; `slug` tells damage (`damaged`) from a bound (`limit`)."""

    def __init__(self, reason: str, slug: str = "damaged") -> None:
        super().__init__(reason)
        self.slug = slug


class Member(NamedTuple):
    """A member as the central directory states it; `offset` is that of its local header in the data."""

    method: int
    flags: int
    crc: int
    packed: int
    size: int
    offset: int


class ZipIndex:
    """The members of an archive by number. `cut` says that there are more than `most`.

    Raises:
        ZipError: when there is no central directory where the end record puts it, or it is damaged.
    """

    def __init__(self, data: bytes, most: int) -> None:
        self._data = data
        start, end, self._base = _directory(data)
        self.names: list[bytes] = []
        self._places: list[int] = []
        self.cut = False
        self._spans: list[tuple[int, int]] = []
        self._walk(start, end, most)

    def _walk(self, at: int, end: int, most: int) -> None:
        data, unpack = self._data, _STEP.unpack_from
        names, places = self.names, self._places
        while at + 46 <= end:
            if len(names) == most:
                self.cut = True
                return
            mark, name, extra, comment = unpack(data, at)
            if mark != _CENTRAL:
                raise ZipError(f"damaged central directory after {len(names)} members")
            places.append(at)
            at += 46
            names.append(data[at : at + name])
            at += name + extra + comment
        if at != end:
            raise ZipError(f"damaged central directory after {len(names)} members")

    def member(self, number: int) -> Member:
        """The facts on one member."""
        at = self._places[number]
        flags, method, crc, packed, size, offset = _MEMBER.unpack_from(self._data, at)
        if _ALL in (packed, size, offset):
            packed, size, offset = self._wide(at, packed, size, offset)
        return Member(method, flags, crc, packed, size, offset + self._base)

    def _wide(self, at: int, packed: int, size: int, offset: int) -> tuple[int, int, int]:
        """Values that do not fit 32 bits: extra field 1 holds those, and only those, that are all ones."""
        name, extra = struct.unpack_from("<HH", self._data, at + 28)
        for kind, field in _extras(self._data[at + 46 + name : at + 46 + name + extra]):
            if kind == 1:
                values = iter(struct.unpack_from(f"<{len(field) // 8}Q", field))
                size = next(values, size) if size == _ALL else size
                packed = next(values, packed) if packed == _ALL else packed
                offset = next(values, offset) if offset == _ALL else offset
        return packed, size, offset

    def read(self, number: int, most: int) -> bytes:
        """One member's content, at most `most` bytes.

        Raises:
            ZipError: when it is larger, encrypted, packed by another method than Java's two, lies about its size or
                checksum, or shares bytes with a member that was read before (as zip bombs do).
        """
        member = self.member(number)
        if member.flags & 1:
            raise ZipError("is encrypted", "encrypted")
        if member.method not in (0, 8):
            raise ZipError(f"is packed by method {member.method}, which Java does not know", "compression")
        if member.size > most:
            raise ZipError(f"has {member.size} bytes, more than the {most} that are left", "limit")
        packed = self._packed(member)
        content = packed if member.method == 0 else _inflated(packed, member.size)
        if len(content) != member.size:
            raise ZipError("lies about its size")
        if zlib.crc32(content) != member.crc:
            raise ZipError("does not match its checksum")
        return content

    def _packed(self, member: Member) -> bytes:
        at = member.offset
        head = self._data[at : at + 30] if at >= 0 else b""
        if len(head) < 30 or head[:4] != LOCAL:
            raise ZipError("does not begin where the central directory says")
        start = at + 30 + int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")
        end = start + member.packed
        if end > len(self._data):
            raise ZipError("ends after the archive")
        place = bisect_right(self._spans, (at, end))
        before = self._spans[place - 1][1] if place else 0
        after = self._spans[place][0] if place < len(self._spans) else end
        if before > at or after < end:
            raise ZipError("shares its bytes with another member", "overlap")
        insort(self._spans, (at, end))
        return self._data[start:end]


def _directory(data: bytes) -> tuple[int, int, int]:
    """Where the central directory begins and ends, and what must be added to its offsets."""
    at = len(data)
    lowest = max(0, len(data) - 22 - _COMMENT)
    while (at := data.rfind(_END, lowest, at + 3)) >= 0:
        if at + 22 <= len(data):
            place = _ending(data, at)
            if place is not None:
                return place
    raise ZipError("not a zip archive, or cut off: no end of the central directory")


def _ending(data: bytes, at: int) -> tuple[int, int, int] | None:
    disk, first, _, _, size, offset = _TAIL.unpack_from(data, at)
    end = at
    locator = at - 20
    if locator >= 0 and data[locator : locator + 4] == _LOCATOR64:
        end = data.rfind(_END64, max(0, locator - 4096), locator)
        if end < 0 or end + 56 > locator:
            return None
        disk, first, _, _, size, offset = _TAIL64.unpack_from(data, end)
    start = end - size
    if disk or first or start < 0 or offset > start:
        return None
    if size and data[start : start + 4] != b"PK\x01\x02":
        return None
    return start, end, start - offset


def _extras(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(data):
        kind, length = struct.unpack_from("<HH", data, at)
        yield kind, data[at + 4 : at + 4 + length]
        at += 4 + length


def _inflated(packed: bytes, size: int) -> bytes:
    """Raw deflate; one byte more than `size` at most, which is enough to catch a lie."""
    from isal.igzip_lib import IsalError
    from isal.isal_zlib import decompressobj

    engine = decompressobj(wbits=-15)
    try:
        content: bytes = engine.decompress(packed, max_length=size + 1)
    except IsalError:  # type: ignore[misc]  # isal types its error loosely
        raise ZipError("cannot be inflated") from None
    return content
