"""Files and folders of feeds in, one database file out; the old one stays until the new one is complete."""

from __future__ import annotations

import mmap
import shutil
import tempfile
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from thwart.advisories.archive import Budget, documents
from thwart.advisories.collect import Collection
from thwart.advisories.feeds import Damaged, Dated, Decoder, Document, Entry, Withdrawn, recognise
from thwart.advisories.writer import swap_in, write
from thwart.core.errors import DatabaseError, ParseError, UsageError
from thwart.core.finding import Diagnostic
from thwart.core.limits import DEFAULT, Limits

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import date

    from thwart.core.advisory import Feed

_MAPPED = 64 << 20  # files from this size on are mapped, not read
_MOST_TOLD = 20  # problems of one file that are told one by one
_STALE_SECONDS = 86_400


class BuildResult(Struct, frozen=True, kw_only=True):
    """What was built. `problems` says what was damaged (`incomplete`) and what was not recognised.

    `left` counts, by feed and reason, what was understood and left out on purpose: withdrawn records, git ranges, …
    """

    path: Path
    built: str
    feeds: tuple[Feed, ...]
    counts: dict[str, int]
    left: tuple[tuple[str, str, int], ...]
    problems: tuple[Diagnostic, ...]
    bytes: int


def build(
    paths: Iterable[Path],
    output: Path,
    *,
    today: date,
    limits: Limits = DEFAULT,
    dates: Mapping[str, str] | None = None,
    built: str = "",
    only_referenced: bool = False,
) -> BuildResult:
    """Compile feeds into one database file.

    Args:
        paths: files, and folders that are searched for files; archives and compressed files are unwrapped.
        output: the database's place. Readers of an old one there are not disturbed.
        today: no date behind it is believed.
        limits: bounds on every input.
        dates: days of feeds by name (ISO), where the data does not say or says wrongly how old it is.
        built: the database's own day; the newest of its feeds' days when empty.
        only_referenced: keep facts on a CVE only if an advisory speaks of it or it is known to be exploited.

    Raises:
        UsageError: a path does not exist, or one that was named is no feed.
        DatabaseError: there is nothing in the feeds, or the file cannot be written.
    """
    with _workplace(output) as folder:
        collection = Collection(folder, today.isoformat())
        reader = _Reader(collection, limits)
        for path, named in files(paths):
            reader.read(path, named=named)
        feeds = collection.feeds(dates or {})
        if not feeds:
            raise DatabaseError(
                "no advisory was found in what was given",
                "name files or folders that hold feeds in their download formats",
                *(problem.message for problem in reader.problems[:3]),
            )
        new = folder / "database"
        day = built or max((feed.date for feed in feeds if feed.date), default=today.isoformat())
        try:
            counts = write(new, collection, feeds, day, only_referenced=only_referenced)
            size = new.stat().st_size
            swap_in(new, output)
        except OSError as error:
            raise DatabaseError(
                f"cannot write the database: {error}", "free some space, or choose another place"
            ) from None
    left = tuple(
        (label, reason, times)
        for label, tally in sorted(collection.tallies.items())
        for reason, times in sorted(tally.left.items())
    )
    return BuildResult(
        path=output, built=day, feeds=feeds, counts=counts, left=left, problems=tuple(reader.problems), bytes=size
    )


@contextmanager
def _workplace(output: Path) -> Iterator[Path]:
    """A folder beside the output (the swap needs the same file system), gone afterwards; a killed build's too."""
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        for old in output.parent.glob(".thwart-build-*"):
            if time.time() - old.stat().st_mtime > _STALE_SECONDS:
                shutil.rmtree(old, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(prefix=".thwart-build-", dir=output.parent))
    except OSError as error:
        raise DatabaseError(f"cannot write beside {output}: {error}", "choose another place") from None
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def files(paths: Iterable[Path]) -> Iterator[tuple[Path, bool]]:
    """Files in a stable order, and whether each was named itself. Hidden files in folders are passed over."""
    for path in paths:
        if path.is_dir():
            found = sorted(
                one
                for one in path.rglob("*")
                if one.is_file() and not any(p.startswith(".") for p in one.relative_to(path).parts)
            )
            yield from ((one, False) for one in found)
        elif path.exists():
            yield path, True
        else:
            raise UsageError(f"{path} does not exist", "name feed files, or folders that hold some")


class _Reader:
    """Reads files, finds the decoder of each document, and tells what could not be read."""

    def __init__(self, collection: Collection, limits: Limits) -> None:
        self.problems: list[Diagnostic] = []
        self._collection = collection
        self._limits = limits
        self._path = ""
        self._told = 0
        self._strange: list[str] = []

    def read(self, path: Path, *, named: bool) -> None:
        """Decode every document in a file. `UsageError` when it was named and nothing in it is recognised."""
        self._path, self._told, self._strange = str(path), 0, []
        try:
            with content(path) as (data, date):
                recognised = self._documents(documents(path.name, data, date, Budget(self._limits)), date)
        except (ParseError, OSError) as error:
            self._damaged(error.reason if isinstance(error, ParseError) else str(error))
            recognised = True
        if named and not recognised:
            raise UsageError(f"{path} is in no format that is known", "see the documentation for the formats of feeds")
        if self._told > _MOST_TOLD:
            self._problem("feed-damaged", f"{self._told - _MOST_TOLD} further parts are damaged", incomplete=True)
        if self._strange:
            more = f" and {len(self._strange) - 1} more" if len(self._strange) > 1 else ""
            self._problem(
                "feed-unrecognised", f"in no format that is known: {self._strange[0][:200]}{more}", incomplete=False
            )

    def _documents(self, found: Iterator[Document | ParseError], date: str) -> bool:
        recognised, last = False, None
        for one in found:
            if isinstance(one, ParseError):
                self._damaged(one.reason)
                continue
            member = last if last is not None and last.accepts(one) else recognise(one)
            if member is None and last is not None and not one.keys:
                member = last  # a damaged neighbour of documents that are understood: its decoder says what is wrong
            if member is None:
                self._strange.append(one.name)
                continue
            recognised, last = True, member
            self._decode(one, member, date)
        return recognised

    def _decode(self, document: Document, member: Decoder, file_date: str) -> None:
        collection, stated = self._collection, ""
        labels: set[str] = {member.label} if member.label else set()
        try:
            for record in member.decode(document, self._limits):
                if isinstance(record, Dated):
                    stated = record.date
                    collection.stated(member.label, stated)
                elif isinstance(record, Damaged):
                    self._damaged(f"{record.what[:200]}: {record.reason[:300]}")
                else:
                    label = member.label or _label(record, labels)
                    labels.add(label)
                    collection.add(record, label, stated or document.date)
        except ParseError as error:
            self._damaged(f"{document.name[:200]}: {error.reason[:300]}")
        for label in labels:
            collection.written(label, document.date or file_date)

    def _damaged(self, message: str) -> None:
        self._told += 1
        if self._told <= _MOST_TOLD:
            self._problem("feed-damaged", message, incomplete=True)

    def _problem(self, slug: str, message: str, *, incomplete: bool) -> None:
        self.problems.append(Diagnostic(slug=slug, message=message, path=self._path, incomplete=incomplete))


def _label(record: object, labels: set[str]) -> str:
    """The feed of a record whose decoder serves several; what says nothing of itself follows the one before it."""
    if isinstance(record, Entry):
        return record.advisory.source
    if isinstance(record, Withdrawn):
        return record.source
    return next(iter(labels), "unknown")


@contextmanager
def content(path: Path) -> Iterator[tuple[bytes | memoryview, str]]:
    """A file's bytes and day. Large ones are mapped: reading them whole would cost their size in memory."""
    with path.open("rb") as stream:
        status = path.stat()
        date = datetime.fromtimestamp(status.st_mtime, UTC).date().isoformat()
        if status.st_size < _MAPPED:
            yield stream.read(), date
        else:
            # Not closed by hand: views of it may live on in a suspended generator; it goes with the last of them.
            yield memoryview(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)), date
