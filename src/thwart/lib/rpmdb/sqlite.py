"""The `Packages` table of a SQLite database file, read as the "Database File Format" document describes it.

An own reader of this one table instead of the library: a hostile file cannot run its schema, its views or its
expressions, and no page is read twice, which makes the time linear in the size of the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from thwart.lib.rpmdb.header import DamageError

_MAGIC = b"SQLite format 3\0"
_LEAF, _INTERIOR = 0x0D, 0x05  # pages of a table's tree (1.6)
_ENCODINGS = {1: "utf-8", 2: "utf-16-le", 3: "utf-16-be"}
_WIDTHS = {0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8, 7: 8, 8: 0, 9: 0}  # serial types below 12 (2.1)
_COLUMNS = 64  # of a row; the two tables that are read have five and two


def is_mine(data: bytes) -> bool:
    """Whether the bytes begin like a SQLite database."""
    return data.startswith(_MAGIC)


def blobs(data: bytes, tell: Callable[[str], None]) -> Iterator[bytes]:
    """Values of the column `blob` of the table `Packages`.

    Raises:
        DamageError: when there is no such table.
    """
    file = _File(data, tell)
    root = file.root("Packages")
    return file.values(root)


class _File:
    def __init__(self, data: bytes, tell: Callable[[str], None]) -> None:
        if len(data) < 512:
            raise DamageError("the database is shorter than its first page")
        size = int.from_bytes(data[16:18], "big")
        self._page = 65536 if size == 1 else size
        if self._page < 512 or self._page & (self._page - 1):
            raise DamageError(f"the database says that its pages have {size} bytes")
        self._data = data
        self._tell = tell
        self._usable = self._page - data[20]
        if self._usable < 480:
            raise DamageError("the pages of the database have no room for content")
        self._encoding = _ENCODINGS.get(int.from_bytes(data[56:60], "big"), "utf-8")
        self._log = data[18] == 2
        self._seen: set[int] = set()

    def root(self, name: str) -> int:
        """Page at which a table begins; the schema is the table at page 1 (2.6)."""
        for row in self._rows(1):
            columns = self._columns(row)
            if len(columns) < 5:
                continue
            kind, table, page = self._text(columns[0]), self._text(columns[1]), int.from_bytes(columns[3], "big")
            # a virtual table has no pages of its own; a view is not a table
            if kind == "table" and table == name and page > 1:
                return page
        log = "; its write-ahead log may hold it" if self._log else ""
        raise DamageError(f"the database has no table {name}{log}")

    def values(self, root: int) -> Iterator[bytes]:
        """Second columns of a table of two."""
        for row in self._rows(root):
            columns = self._columns(row)
            if len(columns) == 2 and columns[1]:
                yield columns[1]
            else:
                self._tell("a row of the table of packages does not hold a package")

    def _text(self, raw: bytes) -> str:
        return raw.decode(self._encoding, "replace")

    def _rows(self, root: int) -> Iterator[bytes]:
        """Payloads of a table in the order of their keys."""
        stack = self._claim([root])
        room = len(self._data)
        while stack:
            number = stack.pop()
            page = self._page_at(number)
            start = 100 if number == 1 else 0
            kind = page[start] if page else 0
            count = int.from_bytes(page[start + 3 : start + 5], "big")
            first, least = start + (12 if kind == _INTERIOR else 8), 5 if kind == _INTERIOR else 2
            if kind not in (_LEAF, _INTERIOR) or first + (2 + least) * count > self._usable:
                self._tell(f"page {number} of the database is not one of a table")
                continue
            cells = [int.from_bytes(page[at : at + 2], "big") for at in range(first, first + 2 * count, 2)]
            if kind == _INTERIOR:
                cells.append(start + 8)  # the right-most child stands in the page's head
                children = [int.from_bytes(page[cell : cell + 4], "big") for cell in cells]
                stack += reversed(self._claim(children))
                continue
            for cell in cells:
                payload = self._payload(page, cell)
                room -= 2 + least + len(payload or b"")
                if room < 0:  # rows do not overlap: together they are not larger than the file
                    self._tell("the rows of the database lie upon each other")
                    return
                if payload is None:
                    self._tell(f"a row on page {number} of the database leads outside of the file")
                else:
                    yield payload

    def _claim(self, numbers: list[int]) -> list[int]:
        """Those of the pages that nobody has read: two ways to one page are damage or an attack."""
        fresh = [number for number in dict.fromkeys(numbers) if number not in self._seen]
        if len(fresh) < len(numbers):
            self._tell("the database has more than one way to the same page")
        self._seen.update(fresh)
        return fresh

    def _page_at(self, number: int) -> bytes:
        start = (number - 1) * self._page
        page = self._data[start : start + self._page] if number > 0 else b""
        return page if len(page) == self._page else b""

    def _payload(self, page: bytes, cell: int) -> bytes | None:
        """A row's bytes, on the page and on its chain of overflow pages (1.5, 1.6)."""
        size, at = _varint(page, cell)
        _, at = _varint(page, at)
        most = self._usable - 35
        if size > len(self._data):
            return None
        if size <= most:
            row = page[at : min(at + size, self._usable)]
            return row if len(row) == size else None
        least = (self._usable - 12) * 32 // 255 - 23
        local = least + (size - least) % (self._usable - 4)
        local = local if local <= most else least
        parts = [page[at : at + local]]
        missing = size - local
        following = int.from_bytes(page[at + local : at + local + 4], "big")
        while missing > 0:
            more = self._page_at(following) if self._claim([following]) else b""
            if not more:
                return None
            parts.append(more[4 : min(4 + missing, self._usable)])
            missing -= len(parts[-1])
            following = int.from_bytes(more[:4], "big")
        row = b"".join(parts)
        return row if len(row) == size else None

    def _columns(self, row: bytes) -> list[bytes]:
        """Raw values of a record (2.1); none when it does not fit."""
        length, at = _varint(row, 0)
        columns: list[bytes] = []
        start = length
        while at < min(length, len(row)) and len(columns) < _COLUMNS:
            kind, at = _varint(row, at)
            width = _WIDTHS.get(kind, 0) if kind < 12 else (kind - 12) // 2
            if start + width > len(row):
                return []
            columns.append(b"\x01" if kind == 9 else row[start : start + width])
            start += width
        return columns


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of one to nine bytes, and where it ends; bytes beyond the end count as zero."""
    value = 0
    for step in range(9):
        byte = data[at + step] if at + step < len(data) else 0
        if step == 8:
            return value << 8 | byte, at + 9
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + step + 1
    raise AssertionError("unreachable")
