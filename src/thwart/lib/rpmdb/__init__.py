"""Installed packages of rpm: the headers in its database, whichever of its three containers holds them.

`blobs` gives the header blobs, `header.Header` reads one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from thwart.lib.rpmdb import bdb, ndb, sqlite
from thwart.lib.rpmdb.header import DamageError, Header

__all__ = ["DamageError", "Header", "blobs"]

Tell = Callable[[str], None]


def blobs(data: bytes, tell: Tell) -> Iterator[bytes]:
    """Header blobs of a database in the order in which they lie in it; time and memory are linear in its size.

    `tell` is given a sentence for every part that is damaged, whose packages are left out.

    Raises:
        DamageError: before the first blob, when the bytes are no database of rpm at all.
    """
    if sqlite.is_mine(data):
        return sqlite.blobs(data, tell)
    if ndb.is_mine(data):
        return ndb.blobs(data, tell)
    if bdb.is_mine(data):
        return bdb.blobs(data, tell)
    raise DamageError("the file is not an rpm database: neither SQLite, nor ndb, nor a Berkeley DB hash")
