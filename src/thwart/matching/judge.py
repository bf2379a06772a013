"""From readings to defects: which CVEs a subject has, and the fix that ends each."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from thwart.core.advisory import Advisory, Affected, CveFacts, Knowledge, Range, Score, Severity
from thwart.matching import naming, severity
from thwart.matching.ecosystems import MEMBERS, Family
from thwart.matching.model import CONFIDENCE, Defect, Judgement, Reading, Subject, weaker
from thwart.matching.order import Order, listed, within
from thwart.matching.readings import read

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_NOTHING = Judgement()
_STATES = ("unfixed", "will-not-fix", "end-of-life", "unknown")  # the most telling first


class Desk:
    """One call's memory: what was asked of the database and what was judged. Answers depend on arguments only."""

    def __init__(self, knowledge: Knowledge) -> None:
        self.knowledge = knowledge
        self.known = knowledge.ecosystems()
        self._families = MEMBERS.load()
        self._serving: dict[str, tuple[Family | None, tuple[str, ...]]] = {}
        self._orders: dict[str, Order] = {}
        self._records: dict[str, Advisory | None] = {}
        self._cves: dict[str, CveFacts | None] = {}
        self._judged: dict[Subject, Judgement] = {}

    def family(self, name: str) -> Family:
        """A family by the name in a subject."""
        return self._families[name]

    def serving(self, stated: str) -> tuple[Family | None, tuple[str, ...]]:
        """Who serves an OSV ecosystem (`Debian` serves `Debian:12`), and which of the database's ecosystems that asks."""
        if stated not in self._serving:
            family = self._families.get(stated.partition(":")[0])
            self._serving[stated] = family, (family.ecosystems(stated, self.known) if family is not None else ())
        return self._serving[stated]

    def order(self, scheme: str) -> Order:
        """The scheme's ordering with this call's keys."""
        if scheme not in self._orders:
            self._orders[scheme] = Order(scheme)
        return self._orders[scheme]

    def record(self, advisory_id: str) -> Advisory | None:
        """An advisory, asked for once."""
        if advisory_id not in self._records:
            self._records[advisory_id] = self.knowledge.advisory(advisory_id)
        return self._records[advisory_id]

    def cve(self, cve_id: str) -> CveFacts | None:
        """A CVE's facts, asked for once."""
        if cve_id not in self._cves:
            self._cves[cve_id] = self.knowledge.cve(cve_id)
        return self._cves[cve_id]

    def judge(self, subject: Subject) -> Judgement:
        """All defects of a subject."""
        if subject not in self._judged:
            self._judged[subject] = self._judge(subject)
        return self._judged[subject]

    def _judge(self, subject: Subject) -> Judgement:
        family, order = self.family(subject.family), self.order(subject.scheme)
        readings, unordered = read(family, subject, self.knowledge, order)
        if not readings:
            return _NOTHING
        if not any(reading.hit for reading in readings):
            return Judgement(readings=tuple(readings), unordered=tuple(sorted(unordered)))
        cases = _by_cve(self, family, readings) if family.distribution else _by_alias(self, readings)
        defects = [_defect(self, family, order, *case) for case in cases]
        return Judgement(
            defects=tuple(sorted(defects, key=lambda defect: defect.id)),
            readings=tuple(readings),
            unordered=tuple(sorted(unordered)),
        )


Case = tuple[list[str], list[Reading], list[Reading]]  # names best first, the hits that count, all that limit a fix


def covering(desk: Desk, readings: Iterable[Reading]) -> dict[str, list[Reading]]:
    """A distribution's readings by the defect that they speak of."""
    by_defect: dict[str, list[Reading]] = defaultdict(list)
    for reading in readings:
        for name in _covered(desk, reading)[0]:
            by_defect[name].append(reading)
    return by_defect


def _covered(desk: Desk, reading: Reading) -> tuple[tuple[str, ...], tuple[str, ...]]:
    advisory_id = reading.statement.advisory
    own = naming.cve_within(advisory_id)
    return ((own,), ()) if own else naming.covered(advisory_id, desk.record(advisory_id))


def _by_cve(desk: Desk, family: Family, readings: Sequence[Reading]) -> list[Case]:
    """One case per CVE that a distribution's statements leave standing."""
    cases: list[Case] = []
    doubtful = any(reading.open or _paid(family, reading) for reading in readings if reading.hit)
    by_defect = covering(desk, readings if doubtful else (reading for reading in readings if reading.hit))
    for name, members in by_defect.items():
        hits = _standing(family, members)
        if hits:
            further = {alias for reading in hits for alias in _covered(desk, reading)[1]}
            cases.append(([name, *naming.ranked(further - {name})], hits, [hit for hit in hits if not hit.open]))
    return cases


def _standing(family: Family, readings: Sequence[Reading]) -> list[Reading]:
    """The hits that count, among all that a distribution says of one CVE.

    A fix that the version does not have stands, whatever else is said. A statement without a fix is older than one
    that names the fix (or says "not affected"), and yields to it when the version has that fix. A fix for
    subscribers does not end what everybody else is left with.
    """
    hits = [reading for reading in readings if reading.hit]
    free = [hit for hit in hits if not hit.open and not _paid(family, hit)]
    if free:
        return free
    return [] if any(reading.cleared for reading in readings) else hits


def _paid(family: Family, reading: Reading) -> bool:
    return bool(reading.fixes) and all(family.paid(reading.statement, fixed) for fixed in reading.fixes)


def _by_alias(desk: Desk, readings: Sequence[Reading]) -> list[Case]:
    """One case per set of records that call themselves aliases, directly or through each other.

    A record that names several defects has one range for all of them; where a record of one of them alone does not
    match, it is not called by that one.
    """
    by_record: dict[str, list[Reading]] = defaultdict(list)
    for reading in readings:
        by_record[reading.statement.advisory].append(reading)
    matched = {name for name, members in by_record.items() if any(reading.hit for reading in members)}
    cves = {name: naming.cves_of(name, desk.record(name)) for name in by_record}
    alone = {cve for name in matched if len(cves[name]) == 1 for cve in cves[name]}
    denied = {cve for name in by_record if name not in matched and len(cves[name]) == 1 for cve in cves[name]} - alone
    cases: list[Case] = []
    for group in naming.groups({name: desk.record(name) for name in sorted(matched)}):
        members = [reading for name in sorted(group.records) for reading in by_record[name]]
        names = [name for name in group.names if name not in denied] or group.names
        cases.append((names, [reading for reading in members if reading.hit], members))
    return cases


def _defect(
    desk: Desk, family: Family, order: Order, names: list[str], hits: list[Reading], limits: list[Reading]
) -> Defect:
    records = [desk.record(advisory_id) for advisory_id in dict.fromkeys(hit.statement.advisory for hit in hits)]
    facts = [found for found in map(desk.cve, filter(naming.is_cve, names)) if found is not None]
    score, scores = severity.choose(_said(family, hits, records, facts), family.vendor if family.distribution else "")
    fixed, again = _fix(order, hits, limits)
    state, status = _state(family, hits, fixed)
    notice = bool(records) and all(record is not None and record.informational for record in records)
    dates = [record.published for record in records if record is not None and record.published]
    likeliest = max(facts, key=lambda fact: fact.epss if fact.epss is not None else -1.0, default=None)
    return Defect(
        id=names[0],
        aliases=tuple(names[1:]),
        advisories=tuple(sorted({hit.statement.advisory for hit in hits})),
        confidence=max((_confidence(desk, family, hit) for hit in hits), key=lambda word: CONFIDENCE[word]),
        severity=_severity(score, notice=notice),
        score=score,
        scores=scores,
        epss=likeliest.epss if likeliest else None,
        percentile=likeliest.percentile if likeliest else None,
        kev=next((fact.kev for fact in facts if fact.kev is not None), None),
        state=state,
        status=status,
        fixed=fixed,
        again=again,
        published=next((fact.published for fact in facts if fact.published), min(dates, default="")),
        cwes=tuple(dict.fromkeys(cwe for fact in facts for cwe in fact.cwes)),
        kind="notice" if notice else "vulnerability",
        aside=_aside(hits, facts),
    )


def _aside(hits: Sequence[Reading], facts: Sequence[CveFacts]) -> str:
    """Containers run Linux: a defect of other systems only is none there. Nor is one that the CVE programme took back."""
    systems = {system for hit in hits for system in hit.statement.systems or ("linux",)}
    if "linux" not in systems:
        return f"only affects {', '.join(sorted(systems))}"
    if facts and all(fact.rejected for fact in facts):
        return f"{facts[0].id} was rejected by the CVE programme"
    return ""


def _severity(score: Score | None, *, notice: bool) -> Severity:
    """A notice (unmaintained, unsound) is no vulnerability, whatever its score."""
    if notice:
        return Severity.NEGLIGIBLE
    return score.severity if score else Severity.UNKNOWN


def _confidence(desk: Desk, family: Family, hit: Reading) -> str:
    """Of one hit: how surely it speaks of the package, how sure its author is, and whether anybody reviewed it."""
    record = desk.record(hit.statement.advisory)
    review = "high" if record is None or record.reviewed else ("low" if _everything(hit.statement) else "medium")
    return weaker(weaker(hit.confidence, family.doubt(hit.statement.status)), review)


def _everything(statement: Affected) -> bool:
    return any(stretch.introduced in ("", "0") and not (stretch.fixed or stretch.last) for stretch in statement.ranges)


def _said(
    family: Family, hits: Sequence[Reading], records: Iterable[Advisory | None], facts: Iterable[CveFacts]
) -> Iterable[severity.Said]:
    where = "vendor" if family.distribution else "record"
    speaker = family.vendor.lower() or "osv"
    for hit in hits:
        word = "unimportant" if hit.statement.status == "unimportant" else hit.statement.severity
        score = severity.from_statement(word, speaker)
        if score is not None:
            yield severity.Said(score, where)
        if hit.statement.advisory.startswith("MAL-"):
            yield severity.Said(Score("osv", "word", "malicious", -1.0, Severity.CRITICAL), where)
    for record in records:
        yield from (severity.Said(score, where) for score in (record.scores if record else ()))
    for fact in facts:
        yield from (severity.Said(score, "cve") for score in fact.scores)


def _fix(order: Order, hits: Sequence[Reading], limits: Sequence[Reading]) -> tuple[str, tuple[Range, ...]]:
    """The smallest stated fix that none of the records still calls affected, and where the defect comes back later.

    So it is the fix of the release line that is installed (a fix of a lower line is below it), and where records
    disagree the one that satisfies all. Without such a version there is no fix.
    """
    stretches = tuple(dict.fromkeys(stretch for reading in limits for stretch in reading.statement.ranges))
    lists = [reading.statement for reading in limits if reading.statement.versions]
    for candidate in order.ascending({fixed for hit in hits for fixed in hit.fixes}):
        held = any(within(order, candidate, stretch) for stretch in stretches)
        if not held and not any(listed(order, candidate, statement) for statement in lists):
            start = order.key(candidate)
            later = (order.key(stretch.introduced) if stretch.introduced else None for stretch in stretches)
            again = [stretch for stretch, key in zip(stretches, later, strict=True) if key is not None and key > start]
            return candidate, tuple(again)
    return "", ()


def _state(family: Family, hits: Sequence[Reading], fixed: str) -> tuple[str, str]:
    """State and the vendor's word; with several statements without a fix the most telling one speaks."""
    words = {hit.statement.status for hit in hits if hit.statement.status}
    if fixed:
        paid = all(_paid(family, hit) for hit in hits if fixed in hit.fixes)
        return ("fixed-pro" if paid else "fixed"), min(words, default="")
    stated = sorted((_STATES.index(family.state(word)), word) for word in words or {""})
    return _STATES[stated[0][0]], stated[0][1]
