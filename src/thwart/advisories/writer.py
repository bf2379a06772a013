"""Writing the database file: everything in the order of its keys, in one go, then swapped in under its name."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from thwart.advisories.digest import Digest
from thwart.advisories.schema import APPLICATION_ID, SCHEMA, TABLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from thwart.advisories.collect import Collection
    from thwart.core.advisory import Feed

_PAGE = 8192  # rows are a few hundred bytes to many kilobytes; larger pages leave less slack and shrink better
_BATCH = 2000


def write(
    path: Path, collection: Collection, feeds: tuple[Feed, ...], built: str, *, only_referenced: bool
) -> dict[str, int]:
    """Write a collection to a new file and give the number of rows by table.

    The journal is off: nothing reads this file before it is complete, and what is not complete is thrown away.
    """
    digest = Digest()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in (f"page_size={_PAGE}", "journal_mode=OFF", "synchronous=OFF", "locking_mode=EXCLUSIVE"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version={SCHEMA}")
        connection.executescript(f"BEGIN;{TABLES}")
        counts = _rows(connection, collection, digest, only_referenced=only_referenced)
        info = {
            "schema": SCHEMA,
            "built": built,
            "feeds": [[f.name, f.licence, f.attribution, f.date, f.records, f.url] for f in feeds],
            "left": {name: one.left for name, one in sorted(collection.tallies.items()) if one.left},
            "counts": counts,
            "sources": collection.sources.names,
        }
        meta = {
            "info": info,
            "releases": {key: dict(sorted(dates.items())) for key, dates in sorted(collection.releases.items())},
            "support": {"rows": [list(one) for one in sorted(collection.support)]},
        }
        for key, value in sorted(meta.items()):
            text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
            digest.row("meta", key, text)
            connection.execute("INSERT INTO meta VALUES (?, ?)", (key, text))
        connection.execute("INSERT INTO meta VALUES ('digest', ?)", (digest.value(),))
        connection.execute("COMMIT")
    return counts


def _rows(
    connection: sqlite3.Connection, collection: Collection, digest: Digest, *, only_referenced: bool
) -> dict[str, int]:
    numbers = {name: number for number, name in enumerate(sorted(collection.ecosystems))}
    ecosystems = (
        (number, name, json.dumps(sorted(collection.ecosystems[name]), ensure_ascii=False))
        for name, number in numbers.items()
    )
    packages = ((numbers[ecosystem], name, data) for ecosystem, name, data in collection.packages())
    tables: tuple[tuple[str, int, Iterator[tuple[object, ...]]], ...] = (
        ("ecosystem", 3, ecosystems),
        ("advisory", 2, collection.advisories()),
        ("package", 3, packages),
        ("cve", 2, collection.cves(only_referenced=only_referenced)),
    )
    return {table: _insert(connection, table, width, rows, digest) for table, width, rows in tables}


def _insert(
    connection: sqlite3.Connection, table: str, width: int, rows: Iterable[tuple[object, ...]], digest: Digest
) -> int:
    statement = f"INSERT INTO {table} VALUES ({', '.join('?' * width)})"  # noqa: S608 - the names are ours
    count = 0
    for batch in _batches(rows):
        for row in batch:
            digest.row(table, *row)
        connection.executemany(statement, batch)
        count += len(batch)
    return count


def _batches(rows: Iterable[tuple[object, ...]]) -> Iterator[list[tuple[object, ...]]]:
    batch: list[tuple[object, ...]] = []
    for row in rows:
        batch.append(row)
        if len(batch) >= _BATCH:
            yield batch
            batch = []
    yield batch


def swap_in(new: Path, place: Path) -> None:
    """Put a complete file under its name: readers see the old one or the new one, never something between."""
    descriptor = os.open(new, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    new.replace(place)
    folder = os.open(place.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
