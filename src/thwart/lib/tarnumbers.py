"""Numbers, pax records and sparse maps inside tar headers."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Iterator
from typing import NamedTuple

MAX_SIZE = 1 << 50
MAX_SEGMENTS = 100_000
BLOCK = 512


class TarError(ValueError):
    """The archive is damaged, cut short or out of bounds."""


class Sparse(NamedTuple):
    """A sparse file: its real size and its `pieces`; None when the map precedes the data."""

    size: int
    pieces: list[tuple[int, int, int]] | None


def number(block: bytes, start: int, length: int) -> int:
    """A numeric field: octal digits, or base 256 when the first bit is set (GNU); never negative."""
    try:
        value = int(block[start : start + length - 1], 8)  # nearly always digits and one end mark
        if value >= 0 and block[start + length - 1] in b"\0 ":
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
        if name in ("path", "linkpath", "GNU.sparse.name") and b"\0" in value:
            raise TarError("a pax header has a name with a NUL in it")
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
        size = _number(pax.get("GNU.sparse.size", b""))
        return Sparse(size, pieces(_pairs(numbers), size))
    return None


def sparse_map(block: Callable[[], bytes]) -> list[tuple[int, int]]:
    """The map in front of the data of a file in format 1.0: decimal lines, a count and its pairs, in whole blocks."""
    lines: list[bytes] = []
    rest, wanted = b"", 1
    while len(lines) < wanted:
        data = block()
        if len(data) < BLOCK or len(rest) > BLOCK:
            raise TarError("a sparse file's map is cut short")
        *whole, rest = (rest + data).split(b"\n")
        lines += whole
        if lines and wanted == 1:
            wanted += 2 * _number(lines[0])
        if wanted > 2 * MAX_SEGMENTS + 1:
            raise TarError("a sparse file of too many pieces")
    return _pairs([_number(line) for line in lines[1:wanted]])


def old_sparse(block: bytes, extension: Callable[[], bytes]) -> Sparse:
    """The sparse file of an old GNU header (type S): four pieces in it, 21 in each extension block that follows."""
    found = _old_pieces(block, 386, 4)
    more = block[482]
    while more:
        following = extension()
        found += _old_pieces(following, 0, 21)
        more = following[504]
        if len(found) > MAX_SEGMENTS:
            raise TarError("a sparse file of too many pieces")
    size = number(block, 483, 12)
    return Sparse(size, pieces(found, size))


def _old_pieces(block: bytes, start: int, count: int) -> list[tuple[int, int]]:
    places = range(start, start + 24 * count, 24)
    return [(number(block, at, 12), number(block, at + 12, 12)) for at in places if block[at]]


def pieces(segments: list[tuple[int, int]], size: int) -> list[tuple[int, int, int]]:
    """A map's (offset, length) pairs with the place of each in what is stored; TarError unless they ascend within `size`."""
    found, end, stored = [], 0, 0
    for offset, length in segments:
        if offset < end or offset + length > size:
            raise TarError("a sparse file's map does not fit its data")
        found.append((offset, length, stored))
        end, stored = offset + length, stored + length
    return found


def overlaps(places: list[tuple[int, int, int]], start: int, length: int) -> Iterator[tuple[int, int, int]]:
    """What is stored of a stretch, as (place in what is stored, length, place in the stretch)."""
    for offset, count, stored in places[max(0, bisect(places, (start,)) - 1) :]:
        if offset >= start + length:
            return
        first, last = max(offset, start), min(offset + count, start + length)
        if first < last:
            yield stored + first - offset, last - first, first - start


def holes(length: int, found: list[tuple[int, bytes]]) -> bytes:
    """Data at its places, and zeros between."""
    whole = bytearray(length)
    for at, data in found:
        whole[at : at + len(data)] = data
    return bytes(whole)


def _pairs(numbers: list[int]) -> list[tuple[int, int]]:
    if len(numbers) % 2 or len(numbers) > 2 * MAX_SEGMENTS:
        raise TarError("a sparse file's map has an odd count of numbers")
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def _number(text: bytes) -> int:
    if not text.isdigit() or len(text) > 16:
        raise TarError("a sparse file's map holds something that is not a number")
    return int(text)
