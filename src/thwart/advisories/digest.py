"""The digest of a database's content: of its rows, so that it does not depend on how SQLite lays them out."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

_ROWS = (
    ("ecosystem", "SELECT * FROM ecosystem ORDER BY id"),
    ("advisory", "SELECT * FROM advisory ORDER BY id"),
    ("package", "SELECT * FROM package ORDER BY ecosystem, name"),
    ("cve", "SELECT * FROM cve ORDER BY id"),
    ("meta", "SELECT * FROM meta WHERE key <> 'digest' ORDER BY key"),
)


class Digest:
    """SHA-256 over the rows of every table, in the order in which they are written."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def row(self, *values: object) -> None:
        """Count a row in."""
        self._hash.update(("\0".join(map(str, values)) + "\0\0").encode())

    def value(self) -> str:
        """The digest so far, in hexadecimal."""
        return self._hash.hexdigest()


def content_digest(connection: sqlite3.Connection) -> str:
    """The digest of what is in an open database; `sqlite3.Error` when it cannot be read."""
    digest = Digest()
    for table, statement in _ROWS:
        for row in connection.execute(statement):
            digest.row(table, *row)
    return digest.value()
