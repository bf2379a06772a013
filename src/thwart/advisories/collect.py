"""Records of all feeds, gathered, merged and put in order: what `build` writes."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, TypeVar

from msgspec import Struct, field

from thwart.advisories.feeds import Entry, Left, ReleaseDates, Withdrawn
from thwart.advisories.schema import (
    Interned,
    clean,
    cve_key,
    is_exploited,
    join,
    normal,
    pack_advisory,
    pack_affected,
    pack_cve,
    unpack_advisory,
    unpack_cve,
)
from thwart.advisories.sources import HOMES, UNKNOWN
from thwart.advisories.staging import Sorter
from thwart.core.advisory import Advisory, CveFacts, Feed, Support

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from thwart.advisories.feeds import Record


T = TypeVar("T")


class Tally(Struct):
    """What one feed gave."""

    records: int = 0
    stated: str = ""  # the day that the documents give as their own
    newest: str = ""  # of its records' modification days
    written: str = ""  # of its files
    left: dict[str, int] = field(default_factory=dict)

    @property
    def date(self) -> str:
        """The day of the data: stated, else of the newest record, else of the file."""
        return self.stated or self.newest or self.written


class Collection:
    """Takes records one by one and gives rows in the order of their keys. Memory stays bounded: see `Sorter`."""

    def __init__(self, folder: Path, today: str) -> None:
        self.sources = Interned()
        self.tallies: dict[str, Tally] = {}
        self.releases: dict[str, dict[str, str]] = {}
        self.support: set[Support] = set()
        self.referenced: set[int] = set()
        self.ecosystems: dict[str, set[str]] = {}
        self._labels = Interned()
        self._today = today
        self._withdrawn: dict[str, str] = {}
        self._advisories = Sorter(folder, "advisories")
        self._statements = Sorter(folder, "statements")
        self._cves = Sorter(folder, "cves")

    # -- in ------------------------------------------------------------------------------------------------------------

    def tally(self, label: str) -> Tally:
        """The count of a feed."""
        found = self.tallies.get(label)
        if found is None:
            found = self.tallies[label] = Tally()
        return found

    def stated(self, label: str, date: str) -> None:
        """A document gave its own day; one in the future is not believed."""
        tally = self.tally(label)
        if date <= self._today:
            tally.stated = max(tally.stated, date)

    def written(self, label: str, date: str) -> None:
        """A document of the feed was in a file of that day."""
        tally = self.tally(label)
        if date <= self._today:
            tally.written = max(tally.written, date)

    def add(self, record: Record, label: str, date: str) -> None:
        """Take a record of the feed `label`, in a document of the day `date`."""
        if isinstance(record, Entry):
            self._entry(record, label)
        elif isinstance(record, CveFacts):
            self._cve(record, label, date)
        elif isinstance(record, Withdrawn):
            self._withdrawn[record.id] = max(self._withdrawn.get(record.id, ""), record.modified[:10])
            self._leave(label, "withdrawn", 1)
        elif isinstance(record, Left):
            self._leave(label, record.reason, record.times)
        elif isinstance(record, ReleaseDates):
            self._release(record, label)
        elif isinstance(record, Support):
            self.tally(label).records += 1
            self.support.add(record._replace(name=clean(record.name), version=clean(record.version)))

    def _leave(self, label: str, reason: str, times: int) -> None:
        left = self.tally(label).left
        left[reason] = left.get(reason, 0) + times

    def _entry(self, entry: Entry, label: str) -> None:
        advisory = entry.advisory
        tally = self.tally(label)
        tally.records += 1
        if tally.newest < advisory.modified <= self._today:
            tally.newest = advisory.modified
        name = clean(advisory.id)
        data = pack_advisory(advisory, self.sources)
        self._advisories.add(f"{name}\t{advisory.modified}\t{data}")
        number = self._labels.number(label)
        for one in entry.affected:
            ecosystem = clean(one.ecosystem)
            self.ecosystems.setdefault(ecosystem, set()).add(label)
            package = clean(normal(ecosystem, one.name))
            packed = pack_affected(one)
            self._statements.add(f"{ecosystem}\t{package}\t{name}\t{number}\t{advisory.modified}\t{packed}")

    def _cve(self, facts: CveFacts, label: str, date: str) -> None:
        key = cve_key(facts.id)
        if key is None:
            self._leave(label, "no-id", 1)
            return
        self.tally(label).records += 1
        self._cves.add(f"{key:012d}\t{date}\t{pack_cve(facts, self.sources)}")

    def _release(self, release: ReleaseDates, label: str) -> None:
        self.tally(label).records += 1
        for version in {release.version, release.codename} - {""}:
            dates = self.releases.setdefault(f"{clean(release.id)}:{clean(version)}", {})
            dates.update(dict(release.dates))

    # -- out -----------------------------------------------------------------------------------------------------------

    def advisories(self) -> Iterator[tuple[str, str]]:
        """Ids with their records; records of one id are merged. Notes which CVEs are spoken of."""
        for name, group in groupby(self._advisories.sorted(), key=lambda line: line.partition("\t")[0]):
            parts = [line.split("\t", 2)[1:] for line in group]
            parts = [part for part in parts if not self._is_withdrawn(name, part[0])]
            if not parts:
                continue
            newest = max(modified for modified, _ in parts)
            kept = [data for modified, data in parts if modified in ("", newest)]
            data = kept[0] if len(kept) == 1 else self._merged(name, kept)
            self._note(name, data)
            yield name, data

    def _is_withdrawn(self, name: str, modified: str) -> bool:
        return bool(modified) and modified <= self._withdrawn.get(name, "")

    def _merged(self, name: str, records: list[str]) -> str:
        several = [unpack_advisory(name, data, self.sources.names) for data in records]
        newest = max(several, key=lambda one: one.modified)
        merged = Advisory(
            id=name,
            source=newest.source,
            aliases=_union(one.aliases for one in several),
            upstream=_union(one.upstream for one in several),
            related=_union(one.related for one in several),
            published=min((one.published for one in several if one.published), default=""),
            modified=newest.modified,
            scores=_union(one.scores for one in several),
            informational=newest.informational,
            reviewed=any(one.reviewed for one in several),
        )
        return pack_advisory(merged, self.sources)

    def _note(self, name: str, data: str) -> None:
        record = unpack_advisory(name, data, self.sources.names)
        for one in (name, *record.aliases, *record.upstream):
            if (key := cve_key(one)) is not None:
                self.referenced.add(key)

    def packages(self) -> Iterator[tuple[str, str, str]]:
        """Ecosystem, name and lines of statements, in that order."""
        for (ecosystem, name), group in groupby(self._statements.sorted(), key=lambda line: line.split("\t", 2)[:2]):
            parts = [line.split("\t", 5)[2:] for line in group]
            newest: dict[tuple[str, str], str] = {}
            for advisory, label, modified, _ in parts:
                newest[advisory, label] = max(newest.get((advisory, label), ""), modified)
            lines = {
                join([advisory, packed])
                for advisory, label, modified, packed in parts
                if modified in ("", newest[advisory, label]) and not self._is_withdrawn(advisory, modified)
            }
            if lines:
                yield ecosystem, name, "\n".join(sorted(lines))

    def cves(self, *, only_referenced: bool = False) -> Iterator[tuple[int, str]]:
        """Keys with their facts. `only_referenced` leaves out what no advisory speaks of and nobody exploits."""
        for text, group in groupby(self._cves.sorted(), key=lambda line: line.partition("\t")[0]):
            key = int(text)
            records = [line.split("\t", 2)[2] for line in group]
            if only_referenced and key not in self.referenced and not any(map(is_exploited, records)):
                continue
            yield key, records[0] if len(records) == 1 else self._merged_cve(key, records)

    def _merged_cve(self, key: int, records: list[str]) -> str:
        """Later documents first: what only one can say, the latest says."""
        several = [unpack_cve(key, data, self.sources.names) for data in reversed(records)]
        epss = next((one for one in several if one.epss is not None), None)
        merged = CveFacts(
            id=several[0].id,
            scores=tuple(sorted(_union(one.scores for one in several))),
            epss=epss.epss if epss else None,
            percentile=epss.percentile if epss else None,
            kev=next((one.kev for one in several if one.kev), None),
            published=next((one.published for one in several if one.published), ""),
            cwes=tuple(sorted(_union(one.cwes for one in several))),
            rejected=any(one.rejected for one in several),
        )
        return pack_cve(merged, self.sources)

    def feeds(self, dates: Mapping[str, str]) -> tuple[Feed, ...]:
        """Every feed that gave something, by name; `dates` overrule what the data says of its day."""
        found = []
        for label, tally in sorted(self.tallies.items()):
            if not tally.records:
                continue
            home = HOMES.get(label, UNKNOWN)
            date = dates.get(label, tally.date)
            found.append(
                Feed(
                    name=label,
                    licence=home.licence,
                    attribution=home.attribution,
                    date=date,
                    records=tally.records,
                    url=home.url,
                )
            )
        return tuple(found)


def _union(several: Iterable[tuple[T, ...]]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(item for one in several for item in one))
