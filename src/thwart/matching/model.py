"""What the parts of matching hand to each other: questions, readings of statements, defects."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

if TYPE_CHECKING:
    from thwart.core.advisory import Affected, Exploited, Range, Score, Severity


class Key(NamedTuple):
    """One question to the database, and the version that its answers are compared with."""

    ecosystem: str
    name: str
    version: str


class Subject(NamedTuple):
    """All that an answer can depend on; packages with equal subjects share one.

    `scheme` names an ordering of `lib.versions`. `stream` is the `name:stream` of an rpm module, `?` for a modular
    package that does not say which.
    """

    family: str
    keys: tuple[Key, ...]
    scheme: str
    stream: str = ""
    arch: str = ""


class Reading(NamedTuple):
    """One statement held against one version.

    `hit`: the version is affected. `open`: by a range that names no end. `cleared`: the statement says that the
    version is not affected (a fix that it has, or "not affected"). `fixes` are the stated fixed versions above it.
    """

    statement: Affected
    version: str
    hit: bool
    open: bool
    cleared: bool
    fixes: tuple[str, ...]
    confidence: str


class Defect(Struct, frozen=True, kw_only=True):
    """A defect of a subject, before it is known which package on which path has it."""

    id: str
    aliases: tuple[str, ...]
    advisories: tuple[str, ...]
    confidence: str
    severity: Severity
    score: Score | None
    scores: tuple[Score, ...]
    epss: float | None
    percentile: float | None
    kev: Exploited | None
    state: str
    status: str
    fixed: str
    again: tuple[Range, ...]
    published: str
    cwes: tuple[str, ...]
    kind: str
    aside: str  # why it does not count after all, in words; empty when it does


class Judgement(Struct, frozen=True, kw_only=True):
    """What the database says of one subject."""

    defects: tuple[Defect, ...] = ()
    readings: tuple[Reading, ...] = ()
    unordered: tuple[str, ...] = ()  # versions, of the package or of statements, that the scheme cannot order


CONFIDENCE = {"low": 0, "medium": 1, "high": 2}


def weaker(one: str, other: str) -> str:
    """The lower of two confidence words; an unknown word is lower than all."""
    return one if CONFIDENCE.get(one, -1) <= CONFIDENCE.get(other, -1) else other
