"""The verbs of the advisory database: status, build, update, export, import, explain."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from thwart.advisories.embedded import EMBEDDED, NAME, inflated_path, open_default
from thwart.advisories.sources import HOMES
from thwart.core.errors import DatabaseError, UsageError
from thwart.core.finding import Diagnostic
from thwart.core.limits import DEFAULT, Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import date

    from thwart.advisories.build import BuildResult
    from thwart.advisories.database import Database
    from thwart.core.advisory import Explanation
    from thwart.core.report import DatabaseInfo

FEEDS = "feeds"
STALE_DAYS = 30


class Places(Struct, frozen=True, kw_only=True):
    """Where the database may lie: the file that was asked for, the user's data and cache folders."""

    data_dir: Path | None
    cache_dir: Path | None
    database: Path | None = None

    @property
    def folder(self) -> Path:
        """The user's data folder; `UsageError` when the user has none."""
        if self.data_dir is None:
            raise UsageError("there is no folder for your own database", "set THWART_DATA_DIR, or HOME")
        return self.data_dir

    @property
    def own(self) -> Path:
        """The user's own database, whether it is there or not."""
        return self.folder / NAME


class UpdateResult(Struct, frozen=True, kw_only=True):
    """What `update` did. `build` is None when nothing was new: the database is as it was."""

    new: tuple[str, ...]
    unchanged: tuple[str, ...]
    problems: tuple[Diagnostic, ...]
    build: BuildResult | None


def open_database(places: Places) -> Database:
    """The database to scan with; see `advisories.embedded.open_default`."""
    return open_default(places.cache_dir, places.database, places.data_dir)


def status(places: Places, today: date) -> tuple[DatabaseInfo, dict[str, int]]:
    """What the database is, and its number of rows by table."""
    with open_database(places) as database:
        return database.info(today), database.counts


def notes(database: Database, ecosystems: Iterable[str], today: date) -> list[Diagnostic]:
    """What a reader must know of the data behind a report: which is old, and which is only a part.

    Neither makes a report incomplete: an old database is told of, never fatal.
    """
    old: list[tuple[str, str]] = []
    found: list[Diagnostic] = []
    for ecosystem in sorted(set(ecosystems)):
        feeds = database.feeds(ecosystem)
        newest = max((feed.date for feed in feeds), default="")
        if newest and (today - today.fromisoformat(newest)).days > STALE_DAYS:
            old.append((newest, ecosystem))
        gaps = [HOMES[feed.name].partial for feed in feeds if feed.name in HOMES]
        if gaps and all(gaps):
            found.append(_note("partial-advisories", f"what is known of {ecosystem} comes {gaps[0]}"))
    if old:
        listed = ", ".join(f"{ecosystem} {day}" for day, ecosystem in sorted(old))
        found.insert(0, _note("stale-database", f"advisories are older than {STALE_DAYS} days: {listed}"))
    return found


def _note(slug: str, message: str) -> Diagnostic:
    return Diagnostic(slug=slug, message=message, incomplete=False, hint="thwart db update")


def path(places: Places) -> Path | None:
    """The file that is used; None when it is only in memory."""
    if places.database is not None:
        return places.database
    if places.data_dir is not None and places.own.exists():
        return places.own
    return inflated_path(places.cache_dir) if places.cache_dir is not None else None


def build(
    paths: Iterable[Path], places: Places, *, today: date, output: Path | None = None, limits: Limits = DEFAULT
) -> BuildResult:
    """Compile feeds into the user's own database, or into `output`."""
    from thwart.advisories.build import build as compile_

    return compile_(paths, output or places.own, today=today, limits=limits)


def update(
    places: Places,
    *,
    today: date,
    mirrors: tuple[str, ...] = (),
    only: tuple[str, ...] = (),
    limits: Limits = DEFAULT,
    say: Callable[[str], None] = lambda _: None,
) -> UpdateResult:
    """Download what is new and build the user's own database anew. A feed that cannot be had keeps its old file.

    Raises:
        DatabaseError: no feed at all could be had, and there was none before.
    """
    from thwart.advisories.build import build as compile_
    from thwart.advisories.fetch import fetch

    folder = places.folder / FEEDS
    found = fetch(folder, mirrors=mirrors, only=only, limits=limits, say=say)
    problems = [
        Diagnostic(
            slug=f"feed-{one.outcome}",
            message=f"{one.name}: {one.reason}" + (f"; its data is from {one.date}" if one.date else ""),
            path=str(one.path),
        )
        for one in found
        if one.outcome in ("stale", "missing")
    ]
    if len(problems) == len(found) and all(one.outcome == "missing" for one in found):
        hints = ("check the network or the mirror", "scans go on with the database that is there")
        raise DatabaseError(f"no feed could be downloaded: {found[0].reason}", *hints)
    new = tuple(one.name for one in found if one.outcome == "new")
    built = None
    if new or not places.own.exists():
        built = compile_([folder], places.own, today=today, limits=limits)
        problems.extend(one for one in built.problems if one.incomplete)
    unchanged = tuple(one.name for one in found if one.outcome == "unchanged")
    return UpdateResult(new=new, unchanged=unchanged, problems=tuple(problems), build=built)


def export(target: Path, places: Places) -> dict[str, object]:
    """Write the database that is used as one bundle for a place without a network."""
    from thwart.advisories.bundle import export as pack

    source = path(places)
    if source is not None:
        return pack(source, target)
    with tempfile.TemporaryDirectory() as folder:
        inflated = inflated_path(Path(folder))
        if inflated is None:
            raise DatabaseError(
                f"the {EMBEDDED} database cannot be written anywhere", "set THWART_CACHE_DIR to a folder"
            )
        return pack(inflated, target)


def import_(bundle: Path, places: Places, limits: Limits = DEFAULT) -> dict[str, object]:
    """Verify a bundle and make it the user's own database."""
    from thwart.advisories.bundle import import_ as unpack

    return unpack(bundle, places.own, limits)


def explain(wanted: str, places: Places) -> Explanation:
    """All that the database knows of an advisory's or CVE's id."""
    with open_database(places) as database:
        return database.explain(wanted)
