"""`Packages` as a Berkeley DB hash: what rpm wrote until 2020 (Berkeley DB's `dbinc/db_page.h`).

Every page of the hash is looked at in turn, whatever bucket it is of: the reader needs all values and no order.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Literal

from thwart.lib.rpmdb.header import DamageError

_MAGIC = 0x061561
_VERSIONS = range(7, 11)
_PAGE_HEADER = 26  # log position 8, number 4, previous 4, next 4, entries 2, free 2, level 1, type 1
_HASH_UNSORTED, _HASH, _OVERFLOW = 2, 13, 7
_KEYDATA, _OFFPAGE = 1, 3

Order = Literal["little", "big"]


def is_mine(data: bytes) -> bool:
    """Whether the bytes begin like a hash of Berkeley DB, of either byte order."""
    return _order(data) is not None


def _order(data: bytes) -> Order | None:
    orders: tuple[Order, Order] = ("little", "big")
    return next((order for order in orders if int.from_bytes(data[12:16], order) == _MAGIC), None)


def blobs(data: bytes, tell: Callable[[str], None]) -> Iterator[bytes]:
    """Header blobs in the order of the pages. The record of key 0 is a counter and not a package.

    Raises:
        DamageError: when the first page is not one that rpm writes.
    """
    order = _order(data)
    if order is None or len(data) < 512:
        raise DamageError("the database is shorter than its first page")
    mark: Literal["<", ">"] = "<" if order == "little" else ">"
    version, size, cipher, _, flags = struct.unpack_from(f"{mark}IIBBB", data, 16)
    if version not in _VERSIONS:
        raise DamageError(f"the database is of version {version}, which is not known")
    if size < 512 or size > 65536 or size & (size - 1):
        raise DamageError(f"the database says that its pages have {size} bytes")
    if cipher or flags:
        raise DamageError("the database is encrypted, partitioned or has checksums, which rpm never asks for")
    return _Hash(data, size, order, tell).blobs()


class _Hash:
    def __init__(self, data: bytes, size: int, order: Order, tell: Callable[[str], None]) -> None:
        self._data = data
        self._size = size
        self._order = order
        self._tell = tell
        self._seen: set[int] = set()
        self._room = len(data)

    def blobs(self) -> Iterator[bytes]:
        """Values of all pages of the hash."""
        if len(self._data) % self._size:
            self._tell("the database ends within a page")
        for number in range(1, len(self._data) // self._size):
            page = self._page(number)
            if page[25] in (_HASH, _HASH_UNSORTED):
                yield from self._values(page, number)
            if self._room < 0:  # items do not overlap: together they are not larger than the file
                self._tell("the items of the database lie upon each other")
                return

    def _page(self, number: int) -> bytes:
        return self._data[number * self._size : (number + 1) * self._size]

    def _number(self, raw: bytes) -> int:
        return int.from_bytes(raw, self._order)

    def _values(self, page: bytes, number: int) -> Iterator[bytes]:
        """Keys and values take turns; items lie from the end of the page downwards."""
        count = self._number(page[20:22])
        if count % 2 or _PAGE_HEADER + 2 * count > self._size:
            self._tell(f"page {number} of the database has {count} items, which do not fit")
            return
        starts = [self._number(page[at : at + 2]) for at in range(_PAGE_HEADER, _PAGE_HEADER + 2 * count, 2)]
        ends = [self._size, *starts[:-1]]
        for key, value in zip(range(0, count, 2), range(1, count, 2), strict=True):
            name = page[starts[key] + 1 : ends[key]]
            if len(name) == 4 and not any(name):
                continue
            blob = self._value(page[starts[value] : ends[value]])
            self._room -= len(name) + len(blob or b"")
            if self._room < 0:
                return
            if blob is None:
                self._tell(f"an item on page {number} of the database leads to no package")
            else:
                yield blob

    def _value(self, item: bytes) -> bytes | None:
        if not item:
            return None
        if item[0] == _KEYDATA:
            return item[1:]
        if item[0] != _OFFPAGE or len(item) < 12:
            return None
        return self._chain(self._number(item[4:8]), self._number(item[8:12]))

    def _chain(self, number: int, length: int) -> bytes | None:
        """Content of a chain of overflow pages, none of which may be of two chains."""
        parts: list[bytes] = []
        missing = length
        while missing > 0:
            page = self._page(number)
            if number in self._seen or not number or len(page) < self._size or page[25] != _OVERFLOW:
                return None
            self._seen.add(number)
            held = self._number(page[22:24])
            part = page[_PAGE_HEADER : _PAGE_HEADER + min(held, missing)]
            if not part:
                return None
            parts.append(part)
            missing -= len(part)
            number = self._number(page[16:20])
        return b"".join(parts)
