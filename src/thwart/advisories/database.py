"""The database at scan time: read-only, for any number of processes and threads at once, without heavy imports."""

from __future__ import annotations

import json
import sqlite3
from datetime import date
from typing import TYPE_CHECKING, Any, Self

from thwart.advisories.schema import (
    APPLICATION_ID,
    SCHEMA,
    cve_key,
    normal,
    unpack_advisory,
    unpack_affected,
    unpack_cve,
)
from thwart.core.advisory import Advisory, Affected, CveFacts, Explanation, Feed, Support
from thwart.core.errors import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    from thwart.core.report import DatabaseInfo

_HEADER = 100  # bytes of SQLite's header (file format, section 1.3)
_MAGIC = b"SQLite format 3\0"
_HINT = "get a new one with `thwart db update`, or remove it to use the embedded one"
# Which of a release's days ends support that needs no contract: Debian's LTS is free, Ubuntu's ESM is not.
_FREE = {"debian": ("eol-lts", "eol"), "ubuntu": ("eol",)}


class Database:
    """Implements `core.advisory.Knowledge`. Look-ups are one query by primary key each.

    One object may be shared by threads: SQLite is compiled to serialise them.
    """

    def __init__(self, connection: sqlite3.Connection, origin: str) -> None:
        self.origin = origin
        self._connection = connection
        info = self._meta("info")
        try:
            self.built = str(info["built"])
            self.counts = {str(table): int(count) for table, count in info["counts"].items()}
            self.left: dict[str, dict[str, int]] = info["left"]
            self._sources = [str(name) for name in info["sources"]]
            self._feeds = tuple(
                Feed(name=name, licence=licence, attribution=by, date=day, records=records, url=url)
                for name, licence, by, day, records, url in info["feeds"]
            )
            rows = connection.execute("SELECT id, name, feeds FROM ecosystem").fetchall()
            self._ecosystems = {name: number for number, name, _ in rows}
            self._given = {name: str(feeds) for _, name, feeds in rows}
        except (sqlite3.Error, LookupError, TypeError, ValueError, AttributeError) as error:
            raise _damaged(origin, str(error)) from None
        self._releases: dict[str, dict[str, str]] | None = None
        self._support: tuple[Support, ...] | None = None

    @classmethod
    def open(cls, path: Path) -> Database:
        """Open a database file.

        It is opened `immutable`: SQLite then takes no locks and looks for no journal, which is right only for a file
        that nobody changes in place. Ours never is: a build writes a new file and renames it over the old, whose
        readers keep the old inode; and a file that was left by another writer (WAL mode, a journal beside it) is
        refused here.

        Raises:
            DatabaseError: missing, empty, no database of ours, damaged, or of another schema.
        """
        try:
            with path.open("rb") as stream:
                head = stream.read(_HEADER)
        except FileNotFoundError:
            raise DatabaseError(f"there is no advisory database at {path}", _HINT) from None
        except OSError as error:
            raise DatabaseError(f"cannot read the advisory database {path}: {error.strerror}", _HINT) from None
        _check_header(head, str(path), path.stat().st_size)
        if any(path.with_name(path.name + suffix).exists() for suffix in ("-journal", "-wal")):
            raise DatabaseError(f"{path} is being changed by another program, or was left in the middle of it", _HINT)
        uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
        try:
            connection = sqlite3.connect(uri, uri=True, check_same_thread=False, isolation_level=None)
        except sqlite3.Error as error:
            raise _damaged(str(path), str(error)) from None
        return cls._over(connection, str(path))

    @classmethod
    def from_bytes(cls, data: bytes, origin: str) -> Database:
        """A database in memory, for places where no file can be written."""
        _check_header(data[:_HEADER], origin, len(data))
        connection = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        return cls._over(connection, origin, data)

    @classmethod
    def _over(cls, connection: sqlite3.Connection, origin: str, data: bytes | None = None) -> Database:
        """Take over a connection; it is closed when nothing comes of it."""
        try:
            if data is not None:
                connection.deserialize(data)
            _harden(connection)
            return cls(connection, origin)
        except sqlite3.Error as error:
            connection.close()
            raise _damaged(origin, str(error)) from None
        except DatabaseError:
            connection.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; look-ups are errors from here on."""
        self._connection.close()

    # -- Knowledge -----------------------------------------------------------------------------------------------------

    def affected(self, ecosystem: str, name: str) -> tuple[Affected, ...]:
        """All statements on a package; the name may be in any spelling that the ecosystem folds."""
        number = self._ecosystems.get(ecosystem)
        if number is None:
            return ()
        key = normal(ecosystem, name)
        row = self._row("SELECT data FROM package WHERE ecosystem = ? AND name = ?", number, key)
        if row is None:
            return ()
        try:
            return tuple(unpack_affected(ecosystem, name, line) for line in row.split("\n"))
        except (LookupError, ValueError) as error:
            raise _damaged(self.origin, str(error)) from None

    def advisory(self, advisory_id: str) -> Advisory | None:
        """The record of that id."""
        row = self._row("SELECT data FROM advisory WHERE id = ?", advisory_id)
        return None if row is None else self._advisory(advisory_id, row)

    def cve(self, cve_id: str) -> CveFacts | None:
        """Facts on a CVE id."""
        key = cve_key(cve_id)
        row = None if key is None else self._row("SELECT data FROM cve WHERE id = ?", key)
        if key is None or row is None:
            return None
        try:
            return unpack_cve(key, row, self._sources)
        except (LookupError, ValueError) as error:
            raise _damaged(self.origin, str(error)) from None

    def ecosystems(self) -> frozenset[str]:
        """The ecosystems of which the database has statements, as OSV writes them."""
        return frozenset(self._ecosystems)

    def end_of_life(self, release_id: str, version: str) -> date | None:
        """The day on which a release's free security support ends: Debian's LTS counts, Ubuntu's ESM does not."""
        dates = self.release_dates(release_id, version)
        found = next((dates[name] for name in _FREE.get(release_id, ("eol",)) if name in dates), None)
        try:
            return None if found is None else date.fromisoformat(found)
        except (ValueError, TypeError) as error:
            raise _damaged(self.origin, str(error)) from None

    # -- further knowledge ---------------------------------------------------------------------------------------------

    def release_dates(self, release_id: str, version: str) -> dict[str, str]:
        """Every day that is known of a release (`12` or `bookworm`), by name: `eol`, `eol-lts`, `eol-esm`, …"""
        if self._releases is None:
            self._releases = self._meta("releases")
        return dict(self._releases.get(f"{release_id}:{version}", {}))

    def support(self, ecosystem: str, name: str) -> Support | None:
        """Whether the distribution supports this source package less than its release; an exact name before a prefix."""
        if self._support is None:
            try:
                self._support = tuple(Support(*one) for one in self._meta("support")["rows"])
            except (LookupError, TypeError) as error:
                raise _damaged(self.origin, str(error)) from None
        found = [one for one in self._support if one.ecosystem == ecosystem and _matches(one.name, name)]
        best = max(found, key=lambda one: len(one.name), default=None)
        return None if best is None or best.status == "supported" else best

    def feeds(self, ecosystem: str | None = None) -> tuple[Feed, ...]:
        """Every feed in the database, or those that gave statements for an ecosystem."""
        if ecosystem is None:
            return self._feeds
        try:
            names = frozenset(json.loads(self._given.get(ecosystem, "[]")))
        except (ValueError, TypeError) as error:
            raise _damaged(self.origin, str(error)) from None
        return tuple(feed for feed in self._feeds if feed.name in names)

    def partial(self, ecosystem: str) -> bool:
        """See `Knowledge`: true when every feed of the ecosystem is one of those that know only a part."""
        from thwart.advisories.sources import HOMES

        feeds = self.feeds(ecosystem)
        return bool(feeds) and all(feed.name in HOMES and HOMES[feed.name].partial for feed in feeds)

    def info(self, today: date) -> DatabaseInfo:
        """What a report says of its database; the age is 0 for one that is newer than today."""
        try:
            age = max((today - date.fromisoformat(self.built)).days, 0)
        except ValueError as error:
            raise _damaged(self.origin, str(error)) from None
        from thwart.core.report import DatabaseInfo

        return DatabaseInfo(built=self.built, origin=self.origin, age_days=age, schema=SCHEMA, feeds=self._feeds)

    def explain(self, wanted: str) -> Explanation:
        """All that is known of an id: CVE, GHSA, DSA, RHSA, …; case and outer blanks do not matter.

        Goes through every row: a tenth of a second for the embedded database.
        """
        found = {one.id: one for one in self._speaking_of(wanted.strip())}
        ids = set(found)
        name = wanted.strip()
        cves = {name.upper()} if cve_key(name.upper()) is not None else set()
        if name in ids or not cves:
            for one in found.values():
                cves.update(part for part in (one.id, *one.aliases, *one.upstream) if cve_key(part) is not None)
        facts = (self.cve(one) for one in sorted(cves))
        return Explanation(
            id=next((one for one in ids if one.lower() == name.lower()), name.upper() if cves else name),
            advisories=tuple(found[one] for one in sorted(found)),
            affected=tuple(self._statements_of(ids)) if ids else (),
            cves=tuple(fact for fact in facts if fact is not None),
        )

    def verify(self, *, thorough: bool = False) -> str:
        """Compute the digest of the content and compare it with the one that was written; gives the digest.

        `thorough` has SQLite check the structure of its file too. Raises `DatabaseError` when something is wrong.
        """
        from thwart.advisories.digest import content_digest

        try:
            if thorough:
                answer = self._connection.execute("PRAGMA quick_check(1)").fetchone()[0]
                if answer != "ok":
                    raise _damaged(self.origin, str(answer))
            found = content_digest(self._connection)
        except sqlite3.Error as error:
            raise _damaged(self.origin, str(error)) from None
        if found != self.digest:
            raise _damaged(self.origin, "its content does not have the digest that it was written with")
        return found

    @property
    def digest(self) -> str:
        """SHA-256 of the content, as it was written."""
        return self._row("SELECT value FROM meta WHERE key = ?", "digest") or ""

    # -- within --------------------------------------------------------------------------------------------------------

    def _row(self, statement: str, *keys: object) -> str | None:
        try:
            row = self._connection.execute(statement, keys).fetchone()
        except (sqlite3.Error, UnicodeError, OverflowError) as error:
            if isinstance(error, UnicodeEncodeError):
                return None  # a key with lone surrogates (a name from a hostile file) is in no database
            raise _damaged(self.origin, str(error)) from None
        if row is not None and not isinstance(row[0], str):
            raise _damaged(self.origin, "a row is not text")
        return None if row is None else str(row[0])

    def _meta(self, key: str) -> dict[str, Any]:
        text = self._row("SELECT value FROM meta WHERE key = ?", key)
        try:
            value = json.loads(text or "")
        except (ValueError, RecursionError) as error:
            raise _damaged(self.origin, f"no {key}: {error}") from None
        if not isinstance(value, dict):
            raise _damaged(self.origin, f"{key} is not what it should be")
        return value

    def _advisory(self, advisory_id: str, row: str) -> Advisory:
        try:
            return unpack_advisory(advisory_id, row, self._sources)
        except (LookupError, ValueError) as error:
            raise _damaged(self.origin, str(error)) from None

    def _speaking_of(self, wanted: str) -> Iterator[Advisory]:
        lower = wanted.lower()
        for advisory_id, row in self._scan("SELECT id, data FROM advisory"):
            if lower in advisory_id.lower() or lower in row.lower():
                one = self._advisory(advisory_id, row)
                if any(lower == part.lower() for part in (one.id, *one.aliases, *one.upstream)):
                    yield one

    def _statements_of(self, ids: set[str]) -> Iterator[Affected]:
        names = {number: name for name, number in self._ecosystems.items()}
        for name, data, ecosystem in self._scan("SELECT name, data, ecosystem FROM package"):
            for line in data.split("\n"):
                if line.partition("\t")[0] in ids:
                    try:
                        yield unpack_affected(names[ecosystem], name, line)
                    except (LookupError, ValueError) as error:
                        raise _damaged(self.origin, str(error)) from None

    def _scan(self, statement: str) -> Iterator[tuple[Any, ...]]:
        """Rows whose first two columns are text."""
        try:
            for row in self._connection.execute(statement):
                if not (isinstance(row[0], str) and isinstance(row[1], str)):
                    raise _damaged(self.origin, "a row is not text")
                yield row
        except sqlite3.Error as error:
            raise _damaged(self.origin, str(error)) from None


def _matches(pattern: str, name: str) -> bool:
    """debian-security-support's names are regular expressions in theory, and prefixes with `.*` in fact."""
    return name.startswith(pattern[:-2]) if pattern.endswith(".*") else name == pattern


def _damaged(origin: str, reason: str) -> DatabaseError:
    return DatabaseError(f"the advisory database {origin} is damaged: {reason}", _HINT)


def _check_header(head: bytes, origin: str, size: int) -> None:
    """Look at SQLite's own header before SQLite does: sizes, mode, whose file it is, which schema."""
    if not head:
        raise DatabaseError(f"the advisory database {origin} is empty", _HINT)
    if len(head) < _HEADER or not head.startswith(_MAGIC):
        raise DatabaseError(f"{origin} is no advisory database: it is not an SQLite file", _HINT)
    page = int.from_bytes(head[16:18], "big")
    pages = int.from_bytes(head[28:32], "big")
    if (65536 if page == 1 else page) * pages != size:
        raise _damaged(origin, f"it has {size} bytes, not the {pages} pages that its header says")
    if int.from_bytes(head[68:72], "big") != APPLICATION_ID:
        raise DatabaseError(f"{origin} is no advisory database: it was written by another program", _HINT)
    if head[18:20] != b"\x01\x01":
        raise DatabaseError(f"{origin} was opened for writing by another program (WAL mode)", _HINT)
    schema = int.from_bytes(head[60:64], "big")
    if schema != SCHEMA:
        age = "a newer" if schema > SCHEMA else "an older"
        hint = "upgrade thwart" if schema > SCHEMA else "build or download it again: `thwart db update`"
        raise DatabaseError(
            f"the advisory database {origin} was written by {age} version of thwart (schema {schema}, not {SCHEMA})",
            hint,
            "without `--database`, the embedded one is used when you remove it",
        )


def _harden(connection: sqlite3.Connection) -> None:
    """The file may come from anywhere: its schema must not be able to run anything, nor we to write it."""
    for pragma in ("query_only=ON", "trusted_schema=OFF", "cell_size_check=ON"):
        connection.execute(f"PRAGMA {pragma}")
    odd = connection.execute("SELECT count(*) FROM sqlite_schema WHERE type NOT IN ('table', 'index')").fetchone()[0]
    if odd:
        raise sqlite3.DatabaseError("it holds views or triggers, which none of ours does")
