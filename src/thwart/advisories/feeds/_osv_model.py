"""The parts of an OSV record that are read (OSV schema 1.7); prose is skipped by the decoder, never stored."""

from __future__ import annotations

from typing import TypeVar

import msgspec

Json = msgspec.Raw
NONE = msgspec.Raw(b"null")  # for a key that is absent: `Raw` in a union would lose its meaning
T = TypeVar("T")


class Event(msgspec.Struct, gc=False):
    introduced: str | None = None
    fixed: str | None = None
    last_affected: str | None = None
    limit: str | None = None


class RangeModel(msgspec.Struct, gc=False):
    type: str = ""
    events: list[Event] | None = None


class PackageModel(msgspec.Struct, gc=False):
    ecosystem: str = ""
    name: str = ""
    purl: str | None = None


class SeverityModel(msgspec.Struct, gc=False):
    type: str = ""
    score: str | float = ""


class AffectedModel(msgspec.Struct, gc=False):
    package: PackageModel | None = None
    ranges: list[RangeModel] | None = None
    versions: list[str] | None = None
    severity: list[SeverityModel] | None = None
    ecosystem_specific: Json = NONE
    database_specific: Json = NONE


class Record(msgspec.Struct, gc=False):
    id: str
    modified: str | None = None
    published: str | None = None
    withdrawn: str | None = None
    summary: str | None = None
    aliases: list[str] | None = None
    upstream: list[str] | None = None
    related: list[str] | None = None
    severity: list[SeverityModel] | None = None
    affected: list[AffectedModel] | None = None
    references: Json = NONE
    database_specific: Json = NONE


class Import(msgspec.Struct, gc=False):
    path: str = ""
    symbols: list[str] | None = None
    goos: list[str] | None = None
    goarch: list[str] | None = None


class Affects(msgspec.Struct, gc=False):
    arch: list[str] | None = None
    os: list[str] | None = None
    functions: list[str] | None = None


class EcosystemSpecific(msgspec.Struct, gc=False):
    """What the ecosystems put beside an affected package, each its own few keys."""

    status: str | None = None  # Ubuntu
    priority: str | None = None  # Ubuntu, converted records
    ubuntu_priority: str | None = None  # Ubuntu, older official records
    urgency: str | None = None  # Debian
    latest_event: str | None = None  # Wolfi
    imports: list[Import] | None = None  # Go
    custom_ranges: list[RangeModel] | None = None  # Go
    affects: Affects | None = None  # crates.io
    informational: str | None = None  # crates.io, older records
    severity: str | None = None  # openSUSE and others


class AffectedSpecific(msgspec.Struct, gc=False):
    informational: str | None = None  # crates.io
    last_known_affected_version_range: str | None = None  # GitHub


class RecordSpecific(msgspec.Struct, gc=False):
    severity: str | None = None  # GitHub, Bitnami, openEuler
    review_status: str | None = None  # Go
    cvss: Json = NONE  # ruby-advisory-db: numbers without vectors


RECORD = msgspec.json.Decoder(Record)
_ECOSYSTEM = msgspec.json.Decoder(EcosystemSpecific)
_AFFECTED = msgspec.json.Decoder(AffectedSpecific)
_RECORD_SPECIFIC = msgspec.json.Decoder(RecordSpecific)
_NUMBERS = msgspec.json.Decoder(dict[str, float | None])


def ecosystem_specific(raw: Json) -> EcosystemSpecific:
    """What is known of it; an empty one when it is not what was expected: its keys are each database's own."""
    return _lenient(_ECOSYSTEM, raw) or EcosystemSpecific()


def affected_specific(raw: Json) -> AffectedSpecific:
    """As `ecosystem_specific`."""
    return _lenient(_AFFECTED, raw) or AffectedSpecific()


def record_specific(raw: Json) -> RecordSpecific:
    """As `ecosystem_specific`."""
    return _lenient(_RECORD_SPECIFIC, raw) or RecordSpecific()


def numbers(raw: Json) -> dict[str, float | None]:
    """A flat object of numbers, or nothing."""
    return _lenient(_NUMBERS, raw) or {}


def _lenient(decoder: msgspec.json.Decoder[T], raw: Json) -> T | None:
    if raw is NONE:
        return None
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError:
        return None
