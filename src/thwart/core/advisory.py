"""Advisories as they are matched: OSV-shaped facts, no prose."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date


class Severity(IntEnum):
    """Severity words, ordered; `unknown` is not `negligible`."""

    UNKNOWN = 0
    NEGLIGIBLE = 1
    LOW = 2
    MEDIUM = 3
    HIGH = 4
    CRITICAL = 5

    @property
    def word(self) -> str:
        """The word in lower case."""
        return self.name.lower()

    @classmethod
    def of(cls, word: str) -> Severity:
        """Severity for a vendor's word (`important`, `moderate`, …); `UNKNOWN` when the word is not known."""
        return _WORDS.get(word.strip().lower(), cls.UNKNOWN)


_WORDS = {
    "critical": Severity.CRITICAL,
    "high": Severity.HIGH,
    "important": Severity.HIGH,
    "medium": Severity.MEDIUM,
    "moderate": Severity.MEDIUM,
    "low": Severity.LOW,
    "minor": Severity.LOW,
    "negligible": Severity.NEGLIGIBLE,
    "unimportant": Severity.NEGLIGIBLE,
    "none": Severity.NEGLIGIBLE,
}


class Score(NamedTuple):
    """One severity statement: who says it, in which system, with which vector or word.

    `system` is `CVSS_V2`, `CVSS_V3`, `CVSS_V4` or `word`; `score` is the base score, or -1 for a word.
    """

    source: str
    system: str
    vector: str
    score: float
    severity: Severity


class Range(NamedTuple):
    """A half-open interval of versions: `introduced <= v < fixed`, or `v <= last` when `last` is given.

    `introduced` is `""` or `"0"` from the beginning; without `fixed` and `last` there is no end.
    """

    introduced: str
    fixed: str = ""
    last: str = ""


class Affected(NamedTuple):
    """One advisory's statement on one package of one ecosystem.

    `status` is empty for plain affected ranges, else the vendor's word: `not-affected`, `end-of-life`, `no-dsa`,
    `ignored`, `postponed`, `unimportant`, `undetermined`, `needs-triage`, `will-not-fix`, `fix-deferred`, …
    `channel` restricts the statement: `pro` (Ubuntu ESM; `pro-fips`, `pro-realtime-kernel`, … are its further archives),
    or an rpm module stream `name:stream`. With status `undetermined`, `ranges` are a hint: they may be written in an
    order of versions other than the ecosystem's.
    """

    advisory: str
    ecosystem: str
    name: str
    ranges: tuple[Range, ...] = ()
    versions: tuple[str, ...] = ()
    status: str = ""
    channel: str = ""
    severity: str = ""  # vendor's word or vector for this very package
    arches: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()  # Go: affected functions, as `package.Symbol`; `package.*` is the whole of it
    systems: tuple[str, ...] = ()  # operating systems (`windows`, `linux`, …) when only some are affected


class Advisory(Struct, frozen=True, kw_only=True):
    """One record of one feed. `aliases` are equal things; `upstream` and `related` are not."""

    id: str
    source: str
    aliases: tuple[str, ...] = ()
    upstream: tuple[str, ...] = ()
    related: tuple[str, ...] = ()
    published: str = ""  # RFC 3339 date
    modified: str = ""
    withdrawn: str = ""
    scores: tuple[Score, ...] = ()
    informational: str = ""  # `unmaintained`, `unsound`, `notice`
    reviewed: bool = True


class Exploited(Struct, frozen=True, kw_only=True):
    """An entry of CISA's Known Exploited Vulnerabilities catalogue."""

    added: str
    due: str = ""
    ransomware: bool = False


class CveFacts(Struct, frozen=True, kw_only=True):
    """What is known of a CVE whoever is affected: scores, EPSS probability (0 to 1) and percentile, KEV."""

    id: str
    scores: tuple[Score, ...] = ()
    epss: float | None = None
    percentile: float | None = None
    kev: Exploited | None = None
    published: str = ""
    cwes: tuple[str, ...] = ()
    rejected: bool = False  # withdrawn by the CVE programme


class Feed(Struct, frozen=True, kw_only=True):
    """A source of the database: name, licence, attribution, the date of its data and how many records it gave."""

    name: str
    licence: str
    attribution: str
    date: str
    records: int
    url: str = ""


class Support(NamedTuple):
    """A distribution's word that it supports a source package less than its release.

    `status` is `limited` or `ended`; for the latter, `version` is the last supported one and `date` the last day.
    (A list may also call a package `supported` to except it from a pattern; a database never answers with that.)
    """

    ecosystem: str
    name: str
    status: str
    version: str = ""
    date: str = ""


class Explanation(Struct, frozen=True, kw_only=True):
    """All that a database knows of one id: its records, those that name it, and what they say is affected."""

    id: str
    advisories: tuple[Advisory, ...] = ()
    affected: tuple[Affected, ...] = ()
    cves: tuple[CveFacts, ...] = ()


class Knowledge(Protocol):
    """What matching may ask of an advisory database. All answers are for exact keys."""

    def affected(self, ecosystem: str, name: str) -> Sequence[Affected]:
        """All statements on a package name of an ecosystem, never withdrawn ones."""

    def advisory(self, advisory_id: str) -> Advisory | None:
        """The record of that id (case as published)."""

    def cve(self, cve_id: str) -> CveFacts | None:
        """Facts on a CVE id."""

    def ecosystems(self) -> frozenset[str]:
        """The ecosystems of which the database knows anything."""

    def partial(self, ecosystem: str) -> bool:
        """Whether silence on a package of this ecosystem means nothing, because only a part of its advisories is here."""

    def end_of_life(self, release_id: str, version: str) -> date | None:
        """The day on which a distribution's release ends its free security support."""
