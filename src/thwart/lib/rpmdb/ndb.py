"""rpm's own container, `Packages.db`: slots that point to blobs (rpm's `lib/backend/ndb/rpmpkg.c`)."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

from thwart.lib.rpmdb.header import DamageError

_HEADER = struct.Struct("<4s4I")  # magic, version, generation, pages of slots, next package
_SLOT = struct.Struct("<4s3I")  # magic, package, first block, blocks
_BLOB = struct.Struct("<4s3I")  # magic, package, generation, length
_START = 32  # the header takes the room of two slots
_PAGE, _BLOCK, _TAIL = 4096, 16, 12


def is_mine(data: bytes) -> bool:
    """Whether the bytes begin like such a database."""
    return data.startswith(b"RpmP")


def blobs(data: bytes, tell: Callable[[str], None]) -> Iterator[bytes]:
    """Header blobs in the order of their slots; free slots name package 0.

    Raises:
        DamageError: when the first page is not whole.
    """
    if len(data) < _PAGE:
        raise DamageError("the database is shorter than its first page")
    _, version, _, pages, _ = _HEADER.unpack_from(data)
    if version != 0:
        raise DamageError(f"the database is of version {version}, which is not known")
    if not 0 < pages * _PAGE <= len(data):
        raise DamageError("the slots of the database reach beyond its end")
    return _blobs(data, pages * _PAGE, tell)


def _blobs(data: bytes, end: int, tell: Callable[[str], None]) -> Iterator[bytes]:
    given = 0
    for at in range(_START, end, _SLOT.size):
        magic, package, block, count = _SLOT.unpack_from(data, at)
        if magic != b"Slot":
            tell(f"the slot at {at} of the database is none")
            continue
        if package == 0:
            continue
        blob = _blob(data, package, block * _BLOCK, count * _BLOCK)
        if blob is None:
            tell(f"the slot of package {package} leads to no package")
            continue
        given += len(blob)
        if given > len(data):  # blobs do not overlap
            tell("the slots of the database lead to the same places again and again")
            return
        yield blob


def _blob(data: bytes, package: int, start: int, size: int) -> bytes | None:
    if size < _BLOB.size + _TAIL or start + size > len(data):
        return None
    magic, owner, _, length = _BLOB.unpack_from(data, start)
    if magic != b"BlbS" or owner != package or length > size - _BLOB.size - _TAIL:
        return None
    first = start + _BLOB.size
    return data[first : first + length]
