"""Exact sets of ports and of IPv4 and IPv6 addresses, as closed intervals of whole numbers."""

from __future__ import annotations

import ipaddress
from bisect import bisect_right
from collections.abc import Hashable, Iterable
from typing import NamedTuple, TypeVar

K = TypeVar("K", bound=Hashable)

WIDTHS = {4: 32, 6: 128}
_MAPPED = 0xFFFF << 32


class Address(NamedTuple):
    """An IP address: its version (4 or 6) and its value."""

    version: int
    value: int

    def __str__(self) -> str:
        return str(ipaddress.IPv4Address(self.value) if self.version == 4 else ipaddress.IPv6Address(self.value))


class Span(NamedTuple):
    """A closed interval: both ends belong to it."""

    first: int
    last: int


class Block(NamedTuple):
    """A CIDR block."""

    version: int
    first: int
    last: int


def parse_address(text: str) -> Address:
    """An address as Kubernetes' ParseIPSloppy reads it: zeros may lead, an IPv4-mapped one is IPv4.

    Raises:
        ValueError: it is none.
    """
    if ":" not in text:
        return Address(4, _ipv4(text))
    if "%" in text:
        raise ValueError(f"{text!r} is not an IP address")
    try:
        value = int(ipaddress.IPv6Address(text))
    except ValueError:
        raise ValueError(f"{text!r} is not an IP address") from None
    return Address(4, value & 0xFFFFFFFF) if value >> 32 == 0xFFFF else Address(6, value)


def _ipv4(text: str) -> int:
    parts = text.split(".")
    digits = "".join(parts)
    if len(parts) == 4 and digits.isdigit() and digits.isascii() and len(digits) < 160 and all(parts):
        a, b, c, d = map(int, parts)
        if max(a, b, c, d) < 256:
            return a << 24 | b << 16 | c << 8 | d
    raise ValueError(f"{text!r} is not an IP address")


def parse_block(text: str) -> Block:
    """A CIDR block as Kubernetes' ParseCIDRSloppy reads it: bits beyond the prefix are dropped, zeros may lead.

    Raises:
        ValueError: it is none.
    """
    head, slash, tail = text.partition("/")
    width = 128 if ":" in head else 32
    if not slash or not (tail.isascii() and tail.isdigit()) or len(tail) > 8 or int(tail) > width:
        raise ValueError(f"{text!r} is not a CIDR block")
    try:
        address = parse_address(head)
    except ValueError:
        raise ValueError(f"{text!r} is not a CIDR block") from None
    prefix = int(tail)
    if width == 128 and address.version == 4:
        # Go keeps a mapped address in its long form until the mask is applied (net.IPNet.Contains)
        if prefix < 96:
            address = Address(6, _MAPPED | address.value)
        else:
            prefix -= 96
    rest = (1 << (WIDTHS[address.version] - prefix)) - 1
    return Block(address.version, address.value & ~rest, address.value | rest)


def union(spans: Iterable[Span]) -> list[Span]:
    """The same numbers as sorted spans that neither overlap nor touch."""
    merged: list[Span] = []
    for span in sorted(spans):
        if merged and span.first <= merged[-1].last + 1:
            merged[-1] = Span(merged[-1].first, max(merged[-1].last, span.last))
        else:
            merged.append(span)
    return merged


def subtract(whole: Span, holes: Iterable[Span]) -> list[Span]:
    """What of `whole` lies in no hole."""
    left = []
    at = whole.first
    for hole in union(holes):
        if hole.last < at or hole.first > whole.last:
            continue
        if hole.first > at:
            left.append(Span(at, hole.first - 1))
        at = hole.last + 1
    if at <= whole.last:
        left.append(Span(at, whole.last))
    return left


def blocks_of(version: int, span: Span) -> list[str]:
    """The fewest CIDR blocks that make up the span."""
    kind = ipaddress.IPv4Address if version == 4 else ipaddress.IPv6Address
    return [str(block) for block in ipaddress.summarize_address_range(kind(span.first), kind(span.last))]


class Cuts:
    """A range of whole numbers cut at bounds; `atom` gives the number of the piece that a point lies in.

    No set that was given to `at` can tell two points of one piece apart.
    """

    def __init__(self, whole: Span, spans: Iterable[Span]) -> None:
        starts = {whole.first}
        for span in spans:
            starts.update(at for at in (span.first, span.last + 1) if whole.first < at <= whole.last)
        self.starts = sorted(starts)
        self._whole = whole

    def __len__(self) -> int:
        return len(self.starts)

    def atom(self, point: int) -> int:
        """The piece that holds a point."""
        return bisect_right(self.starts, point) - 1

    def span(self, atom: int) -> Span:
        """The numbers of a piece."""
        last = self.starts[atom + 1] - 1 if atom + 1 < len(self.starts) else self._whole.last
        return Span(self.starts[atom], last)

    def mask(self, span: Span) -> int:
        """The pieces of a span whose bounds are cuts, as a bit set."""
        low, high = self.atom(max(span.first, self._whole.first)), self.atom(min(span.last, self._whole.last))
        return (1 << (high + 1)) - (1 << low)


def cover(whole: Span, sets: Iterable[tuple[K, Iterable[Span]]]) -> list[tuple[Span, frozenset[K]]]:
    """Cut `whole` by named sets: each piece with the names of the sets that hold it, in order, by one sweep."""
    begins: dict[int, set[K]] = {whole.first: set()}
    ends: dict[int, set[K]] = {}
    for name, spans in sets:
        for span in union(spans):
            begins.setdefault(span.first, set()).add(name)
            ends.setdefault(span.last + 1, set()).add(name)
    bounds = sorted(bound for bound in begins.keys() | ends.keys() if bound <= whole.last)
    active: set[K] = set()
    pieces = []
    for at, bound in enumerate(bounds):
        active -= ends.get(bound, set())
        active |= begins.get(bound, set())
        last = bounds[at + 1] - 1 if at + 1 < len(bounds) else whole.last
        pieces.append((Span(bound, last), frozenset(active)))
    return pieces
