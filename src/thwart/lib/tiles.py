"""A Merkle tree kept in tiles of 256 hashes (C2SP tlog-tiles): where a tile is, and proofs out of tiles.

A tree of n leaves (RFC 6962 section 2.1) has at level l the hashes of its complete, aligned subtrees of 2^l leaves. Tile
level L keeps those of level 8L, 256 to a tile; what lies between is computed. Hashes are SHA-256, 32 bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import NamedTuple

from thwart.lib.merkle import EMPTY, node_hash

WIDTH = 256
HASH = 32


class Tile(NamedTuple):
    """One tile: `level` and `number`; `width` hashes, 256 for a full one. Level -1 holds entries."""

    level: int
    number: int
    width: int

    @property
    def path(self) -> str:
        """`tile/0/x001/067`, with `.p/WIDTH` while it is partial; entries are under `tile/entries`."""
        digits = f"{self.number:03d}"
        digits = digits.rjust(-(-len(digits) // 3) * 3, "0")
        groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
        number = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
        kind = "entries" if self.level < 0 else str(self.level)
        return f"tile/{kind}/{number}" + (f".p/{self.width}" if self.width < WIDTH else "")


Fetch = Callable[[Tile], bytes]  # the hashes of a tile, `width` times 32 bytes


def fold(hashes: bytes) -> bytes:
    """The hash over a power of two of sibling hashes."""
    while len(hashes) > HASH:
        step = 2 * HASH
        hashes = b"".join(sha256(b"\x01" + hashes[at : at + step]).digest() for at in range(0, len(hashes), step))
    return hashes


def tiles_of(size: int) -> Iterator[Tile]:
    """The tile at the right edge of each level of a tree, from the leaves up; full edges have none."""
    level, count = 0, size
    while count:
        if count % WIDTH:
            yield Tile(level, count // WIDTH, count % WIDTH)
        level, count = level + 1, count // WIDTH


class Tree:
    """A tree of `size` leaves whose tiles `fetch` reads."""

    def __init__(self, size: int, fetch: Fetch) -> None:
        self.size = size
        self._fetch = fetch

    def root(self) -> bytes:
        """RFC 6962 section 2.1: the hash of the whole tree."""
        return self._hash(0, self.size) if self.size else EMPTY

    def leaf(self, index: int) -> bytes:
        """The hash of one leaf."""
        return self._node(0, index)

    def inclusion(self, index: int) -> list[bytes]:
        """RFC 6962 section 2.1.1: the audit path of a leaf.

        Raises:
            ValueError: there is no such leaf.
        """
        if not 0 <= index < self.size:
            raise ValueError(f"a tree of {self.size} has no leaf {index}")
        path: list[bytes] = []
        low, high = 0, self.size
        while high - low > 1:
            middle = low + _split(high - low)
            if index < middle:
                path.append(self._hash(middle, high))
                high = middle
            else:
                path.append(self._hash(low, middle))
                low = middle
        return path[::-1]

    def consistency(self, old: int) -> list[bytes]:
        """RFC 6962 section 2.1.2: the proof that the first `old` leaves are what this tree begins with.

        Raises:
            ValueError: the old tree is larger than this one.
        """
        if not 0 <= old <= self.size:
            raise ValueError(f"a tree of {self.size} cannot continue one of {old}")
        if old in (0, self.size):
            return []
        proof: list[bytes] = []
        low, high, whole = 0, self.size, True  # `whole`: the old tree is complete between `low` and its own end
        while old != high:
            middle = low + _split(high - low)
            if old <= middle:
                proof.append(self._hash(middle, high))
                high = middle
            else:
                proof.append(self._hash(low, middle))
                low, whole = middle, False
        if not whole:
            proof.append(self._hash(low, high))
        return proof[::-1]

    def _hash(self, low: int, high: int) -> bytes:
        """The hash over the leaves `low` to `high`; `low` is aligned as RFC 6962 splits."""
        count = high - low
        if count & (count - 1) == 0 and low % count == 0:
            return self._node(count.bit_length() - 1, low // count)
        middle = low + _split(count)
        return node_hash(self._hash(low, middle), self._hash(middle, high))

    def _node(self, level: int, index: int) -> bytes:
        """The hash of a complete subtree of 2^level leaves."""
        within = level % 8
        first = index << within  # of the hashes of the tile's level that it covers
        number, offset = divmod(first, WIDTH)
        width = min(WIDTH, (self.size >> (level - within)) - number * WIDTH)
        hashes = self._fetch(Tile(level // 8, number, width))
        return fold(hashes[offset * HASH : (offset + (1 << within)) * HASH])


def _split(count: int) -> int:
    """The largest power of two below `count`."""
    return 1 << (count - 1).bit_length() - 1
