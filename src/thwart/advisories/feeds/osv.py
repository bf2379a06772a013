"""OSV records, one JSON document each (OSV schema 1.7), as `all.zip` of every ecosystem holds them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from thwart.advisories.feeds import Damaged, Document, Entry, Left, Record, Withdrawn, decoder
from thwart.advisories.feeds import _osv_model as model
from thwart.advisories.feeds._events import ranges_of
from thwart.advisories.feeds._homes import (
    DISTRIBUTIONS,
    home,
    is_modular,
    purl_limits,
    subjects,
    summary_stream,
    summary_word,
    ubuntu,
)
from thwart.advisories.scoring import cvss_score, day, number_score, word_score
from thwart.core.advisory import Advisory, Affected, Range, Score

if TYPE_CHECKING:
    from collections.abc import Iterator

    from thwart.core.limits import Limits

_UNKNOWN_RANGE = re.compile(r"(<=?) ?([^\s,<>=]+)")
_STATUS = {
    "released": "",
    "needed": "",
    "active": "",
    "DNE": "not-affected",
    "fixed": "",
    "true-positive-determination": "",
    "detection": "needs-triage",
    "fix-not-planned": "will-not-fix",
    "false-positive-determination": "not-affected",
}
_URGENCY_STATUS = frozenset({"unimportant", "end-of-life", "undetermined"})
_URGENCY_WORDS = frozenset({"low", "medium", "high"})
_FROM_START = (Range("0"),)
_MODULAR = ("AlmaLinux", "Red Hat", "Rocky Linux")


def _accepts(document: Document) -> bool:
    keys = document.keys
    return "id" in keys and bool(keys & {"affected", "withdrawn", "modified"}) and not keys & {"containers", "vulns"}


@decoder(accepts=_accepts)
def osv(document: Document, limits: Limits) -> Iterator[Record]:
    """One record. Withdrawn ones are named, never kept; git ranges and statements without a range are counted."""
    del limits  # bounds on size are the archive's; msgspec bounds depth
    try:
        record = model.RECORD.decode(document.data)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        yield Damaged(document.name, "nested too deeply" if isinstance(error, RecursionError) else str(error))
        return
    source = home(record.id)
    if not record.id.strip():
        yield Damaged(document.name, "a record without an id")
    elif record.withdrawn:
        yield Withdrawn(record.id, record.modified or "", source)
    else:
        yield from _entry(record, source)


def _entry(record: model.Record, source: str) -> Iterator[Record]:
    specific = model.record_specific(record.database_specific)
    summary = record.summary or ""
    stream = summary_stream(summary) if source in _MODULAR else ""
    scores = _scores(record, source, specific, summary)
    lifted = _lifted(record, source)
    said = frozenset(score.vector for score in scores + lifted)
    left: dict[str, int] = {}
    statements = []
    informational = ""
    for one in record.affected or ():
        made, reason = _statement(record.id, one, stream, said)
        if reason:
            left[reason] = left.get(reason, 0) + 1
        if made is not None:
            statements.append(made)
            if made.ecosystem == "crates.io":
                informational = informational or _informational(one)
    yield Entry(_advisory(record, source, specific, scores + lifted, informational), tuple(statements))
    for reason, count in left.items():
        yield Left(reason, count)


def _advisory(
    record: model.Record, source: str, specific: model.RecordSpecific, scores: tuple[Score, ...], informational: str
) -> Advisory:
    aliases, upstream, related = record.aliases or [], record.upstream or [], record.related or []
    if source in DISTRIBUTIONS:
        references = bytes(record.references)
        parts = subjects(record.id, aliases, upstream, related, references)
    else:
        parts = (tuple(aliases), tuple(upstream), tuple(related))
    return Advisory(
        id=record.id,
        source=source,
        aliases=parts[0],
        upstream=parts[1],
        related=parts[2],
        published=day(record.published),
        modified=day(record.modified),
        scores=scores,
        informational=informational,
        reviewed=(specific.review_status or "REVIEWED").upper() != "UNREVIEWED",
    )


# -- one affected package ----------------------------------------------------------------------------------------------


def _statement(
    advisory: str, one: model.AffectedModel, stream: str, said: frozenset[str]
) -> tuple[Affected | None, str]:
    """The statement, or why there is none: no package, only git commits, or no range at all.

    `stream` is the module stream that the record names; `said` are the severities that it states for all packages.
    """
    package = one.package
    if package is None or not package.name or not package.ecosystem:
        return None, "git-only" if one.ranges else "no-package"
    specific = model.ecosystem_specific(one.ecosystem_specific)
    ranges, versions, git = _ranges(one)
    status = _status(specific)
    if specific.custom_ranges and ranges == _FROM_START:
        # Go: the record's versions are not the module's, and `0` without an end only stands for "see there".
        ranges, status = _custom(specific.custom_ranges), "undetermined"
    if ranges and all(one.introduced == "0" and one.fixed == "0" for one in ranges):
        ranges, status = (), "not-affected"
    if not ranges and not versions and not status:
        return None, "git-only" if git else "no-range"
    ecosystem, channel = (
        ubuntu(package.ecosystem) if package.ecosystem.startswith("Ubuntu") else (package.ecosystem, "")
    )
    arches, special = purl_limits(package.purl) if package.purl else ((), "")
    if stream and any(is_modular(each.fixed or each.last) for each in ranges):
        channel = stream
    symbols, systems, machines = _code(specific)
    severity = _score("", one.severity[0]).vector if one.severity else _severity(specific)
    made = Affected(
        advisory,
        ecosystem,
        package.name,
        ranges,
        versions,
        status,
        channel or special,
        "" if severity in said else severity,
        arches or machines,
        symbols,
        systems,
    )
    return made, "git-ranges" if git else ""


def _ranges(one: model.AffectedModel) -> tuple[tuple[Range, ...], tuple[str, ...], bool]:
    """Ranges of versions, the versions that they do not imply, and whether git ranges were left out."""
    found: list[Range] = []
    regular, git = True, False
    for each in one.ranges or ():
        if each.type == "GIT":
            git = True
            continue
        ranges, turns = ranges_of(each.events or [])
        found.extend(ranges)
        regular = regular and turns
    if len(found) == 1 and found[0] == Range(found[0].introduced):
        found = [_last_known(found[0], one)]
    versions = () if found and regular else tuple(one.versions or ())
    return tuple(dict.fromkeys(found)), versions, git


def _last_known(unbounded: Range, one: model.AffectedModel) -> Range:
    """GitHub writes the end of a range without a fix beside it: `< 2.0.1` or `<= 2.0.0`."""
    known = model.affected_specific(one.database_specific).last_known_affected_version_range
    found = _UNKNOWN_RANGE.fullmatch(known.strip()) if known else None
    if not found:
        return unbounded
    return unbounded._replace(last=found[2]) if found[1] == "<=" else unbounded._replace(fixed=found[2])


def _custom(ranges: list[model.RangeModel]) -> tuple[Range, ...]:
    return tuple(dict.fromkeys(each for one in ranges if one.type != "GIT" for each in ranges_of(one.events or [])[0]))


def _status(specific: model.EcosystemSpecific) -> str:
    word = specific.status or specific.latest_event or ""
    if word:
        return _STATUS.get(word, word)
    return specific.urgency if specific.urgency in _URGENCY_STATUS else ""


def _severity(specific: model.EcosystemSpecific) -> str:
    urgency = (specific.urgency or "").rstrip("*")
    word = urgency if urgency in _URGENCY_WORDS else ""
    return word or specific.priority or specific.ubuntu_priority or specific.severity or ""


def _code(specific: model.EcosystemSpecific) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Affected symbols, operating systems and architectures (Go: `imports`; crates.io: `affects`)."""
    affects = specific.affects
    if affects is None and not specific.imports:
        return (), (), ()
    if affects is not None:
        return tuple(affects.functions or ()), tuple(affects.os or ()), tuple(affects.arch or ())
    imports = specific.imports or []
    symbols = [f"{each.path}.{symbol}" for each in imports if each.path for symbol in (each.symbols or ("*",))]
    return (
        tuple(dict.fromkeys(symbols)),
        _everywhere([i.goos for i in imports]),
        _everywhere([i.goarch for i in imports]),
    )


def _everywhere(limits: list[list[str] | None]) -> tuple[str, ...]:
    """The union of restrictions; none when one import has none."""
    if not all(limits):
        return ()
    return tuple(sorted({item for one in limits for item in one or ()}))


def _informational(one: model.AffectedModel) -> str:
    beside = model.ecosystem_specific(one.ecosystem_specific).informational
    return beside or model.affected_specific(one.database_specific).informational or ""


# -- severity ----------------------------------------------------------------------------------------------------------


def _scores(record: model.Record, source: str, specific: model.RecordSpecific, summary: str) -> tuple[Score, ...]:
    found = [_score(source, each) for each in record.severity or ()]
    word = specific.severity or summary_word(summary)
    if word:
        found.append(word_score(source, word))
    if specific.cvss is not model.NONE:
        found += [
            number_score(source, system, value)
            for key, system in (("cvss_v2", "CVSS_V2"), ("cvss_v3", "CVSS_V3"), ("cvss_v4", "CVSS_V4"))
            if (value := model.numbers(specific.cvss).get(key)) is not None
            and not any(score.system == system for score in found)
        ]
    return tuple(dict.fromkeys(found))


def _score(source: str, one: model.SeverityModel) -> Score:
    text = str(one.score)
    if one.type.startswith("CVSS"):
        return cvss_score(source, one.type, text)
    return word_score(source, text)


def _lifted(record: model.Record, source: str) -> tuple[Score, ...]:
    """Severities written at every package, when they are the same at each: they are the record's then."""
    each = [one.severity for one in record.affected or ()]
    if not each or not each[0] or any(one != each[0] for one in each[1:]):
        return ()
    return tuple(_score(source, one) for one in each[0])
