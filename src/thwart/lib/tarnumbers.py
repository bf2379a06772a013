"""Numbers, pax records and sparse maps inside tar headers."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

MAX_SIZE = 1 << 50
MAX_SEGMENTS = 100_000
BLOCK = 512


class TarError(ValueError):
    """The archive is damaged, cut short or out of bounds."""


class Sparse(NamedTuple):
    """A sparse file: its real size and (offset, length) of what is stored; None when the map precedes the data."""

    size: int
    segments: list[tuple[int, int]] | None


def number(block: bytes, start: int, length: int) -> int:
    """A numeric field: octal digits, or base 256 when the first bit is set (GNU); never negative."""
    try:
        value = int(block[start : start + length - 1], 8)  # nearly always digits and one end mark
        if value >= 0:
            return value
    except ValueError:
        pass
    return _odd_number(block, start, length)


def _odd_number(block: bytes, start: int, length: int) -> int:
    first = block[start]
    if first & 0x80:
        value = int.from_bytes(block[start : start + length], "big") & ((1 << (8 * length - 1)) - 1)
        if first & 0x40 or value > MAX_SIZE:
            raise TarError("a member's header holds a negative or absurd number")
        return value
    field = block[start : start + length].split(b"\0", 1)[0].strip()
    if not field:
        return 0
    if field.strip(b"01234567"):
        raise TarError("a member's header holds a number that is not octal")
    return int(field, 8)


def pax_records(data: bytes) -> dict[str, bytes]:
    """Records of a pax extended header: `LENGTH KEY=VALUE\\n`, the length counting itself (POSIX pax)."""
    records: dict[str, bytes] = {}
    offsets: list[bytes] = []
    position = 0
    while position < len(data):
        space = data.find(b" ", position, position + 12)
        digits = data[position:space] if space > 0 else b""
        if not digits.isdigit():
            if data[position:].strip(b"\0") == b"":
                break
            raise TarError("a pax header has a record without a length")
        end = position + int(digits)
        if end > len(data) or end <= space + 1 or data[end - 1] != 0x0A:
            raise TarError("a pax header has a record of a wrong length")
        key, equals, value = data[space + 1 : end - 1].partition(b"=")
        if not equals:
            raise TarError("a pax header has a record without a value")
        name = key.decode("utf-8", "surrogateescape")
        if name in ("GNU.sparse.offset", "GNU.sparse.numbytes"):
            offsets.append(value)  # format 0.0 repeats these keys
        records[name] = value
        position = end
    if offsets:
        records["GNU.sparse.map"] = b",".join(offsets)
    return records


def sparse_header(pax: dict[str, bytes]) -> Sparse | None:
    """The sparse file that pax records announce (formats 0.0, 0.1 and 1.0 of the GNU tar manual), if any."""
    if pax.get("GNU.sparse.major") == b"1":
        return Sparse(_number(pax.get("GNU.sparse.realsize", b"")), None)
    if "GNU.sparse.map" in pax:
        numbers = [_number(part) for part in pax["GNU.sparse.map"].split(b",")]
        return Sparse(_number(pax.get("GNU.sparse.size", b"")), _pairs(numbers))
    return None


def sparse_map(data: bytes) -> tuple[list[tuple[int, int]], int]:
    """The map in front of the data of a file in format 1.0, and how many bytes it takes (whole blocks)."""
    end = data.find(b"\n")
    count = _number(data[: max(end, 0)])
    if count > MAX_SEGMENTS:
        raise TarError("a sparse file of too many pieces")
    numbers = []
    for _ in range(2 * count):
        start, end = end + 1, data.find(b"\n", end + 1)
        numbers.append(_number(data[start : max(end, start)]))
    return _pairs(numbers), (end + BLOCK) // BLOCK * BLOCK


def old_sparse(block: bytes, extension: Callable[[], bytes]) -> Sparse:
    """The sparse file of an old GNU header (type S): four pieces in it, 21 in each extension block that follows."""
    pieces = _old_pieces(block, 386, 4)
    more = block[482]
    while more:
        following = extension()
        pieces += _old_pieces(following, 0, 21)
        more = following[504]
        if len(pieces) > MAX_SEGMENTS:
            raise TarError("a sparse file of too many pieces")
    return Sparse(number(block, 483, 12), pieces)


def _old_pieces(block: bytes, start: int, count: int) -> list[tuple[int, int]]:
    places = range(start, start + 24 * count, 24)
    return [(number(block, at, 12), number(block, at + 12, 12)) for at in places if block[at]]


def expand(data: bytes, segments: list[tuple[int, int]], size: int) -> bytes:
    """The file that a sparse map describes; TarError when the pieces do not fit."""
    whole = bytearray(size)
    used = 0
    for offset, length in segments:
        if offset + length > size or used + length > len(data):
            raise TarError("a sparse file's map does not fit its data")
        whole[offset : offset + length] = data[used : used + length]
        used += length
    return bytes(whole)


def _pairs(numbers: list[int]) -> list[tuple[int, int]]:
    if len(numbers) % 2 or len(numbers) > 2 * MAX_SEGMENTS:
        raise TarError("a sparse file's map has an odd count of numbers")
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def _number(text: bytes) -> int:
    if not text.isdigit() or len(text) > 16:
        raise TarError("a sparse file's map holds something that is not a number")
    return int(text)
