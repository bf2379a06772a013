"""Sets of small whole numbers as Python integers: union, intersection and difference are `|`, `&` and `& ~`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def pack(members: Iterable[int], size: int) -> int:
    """The set of members, each below `size`."""
    raw = bytearray((size + 7) // 8)
    for member in members:
        raw[member >> 3] |= 1 << (member & 7)
    return int.from_bytes(raw, "little")


def members(bits: int) -> Iterator[int]:
    """The members in ascending order; the cost grows with how far apart they are, and with their number."""
    if not bits:
        return
    low = (bits & -bits).bit_length() - 1
    text = bin(bits >> low)[:1:-1]  # the digits, lowest first, without the prefix
    at = 0
    while at >= 0:
        yield low + at
        at = text.find("1", at + 1)
