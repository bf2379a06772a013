"""Recorded flows replayed against policies: what they would cut, how often, when, and which rule and line decides.

`collect` folds a log as it streams, `simulate` judges what was folded. Policies that hold today, where they are given, tell
what is cut newly; else what the recorder saw happen does.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct, field

from thwart.network.flowlogs import End, FlowRecord, Problem
from thwart.network.flowlogs.judging import Judge, Judged
from thwart.network.model import Reason

CUT, UNKNOWN, UNMATCHED, STILL, OPENED, KEPT = "cut", "unknown", "unmatched", "denied", "opened", "kept"
OUTCOMES = (CUT, UNKNOWN, UNMATCHED, OPENED, STILL, KEPT)
MOST_FLOWS = 2_000_000  # different ones that are kept apart
_MOST_SAMPLES = 5
_MOST_COUNTED = 100_000


class Tally:
    """How often one flow was seen, and what became of it."""

    __slots__ = (
        "destination",
        "dropped",
        "first",
        "last",
        "left",
        "line",
        "passed",
        "port",
        "protocol",
        "records",
        "source",
    )

    def __init__(self, record: FlowRecord | Tally) -> None:
        self.source: End = record.source
        self.destination: End = record.destination
        self.protocol: str = record.protocol
        self.port: int = record.port
        self.line: int = record.line
        self.records = self.passed = self.left = self.dropped = 0
        self.first: float | None = None
        self.last: float | None = None

    def add(self, record: FlowRecord) -> None:
        """Count one record."""
        self.records += 1
        if record.verdict is False:
            self.dropped += record.count
        elif record.side == "egress":
            self.left += record.count
        else:
            self.passed += record.count
        time = record.time
        if time is not None:
            if self.first is None or time < self.first:
                self.first = time
            until = time if record.until is None else max(time, record.until)
            if self.last is None or until > self.last:
                self.last = until

    def merge(self, other: Tally) -> None:
        """Count what another tally of an equal flow counted."""
        self.records += other.records
        self.passed += other.passed
        self.left += other.left
        self.dropped += other.dropped
        if other.first is not None and (self.first is None or other.first < self.first):
            self.first = other.first
        if other.last is not None and (self.last is None or other.last > self.last):
            self.last = other.last

    @property
    def let(self) -> int:
        """Connections that nobody was seen to drop: both ends may have reported the same, so that they are not summed."""
        return max(self.passed, self.left - self.dropped)


class Trouble(Struct):
    """Lines that are no flows, of one kind: how many, and the first."""

    slug: str
    count: int
    file: str
    line: int
    message: str
    incomplete: bool


class Seen(Struct):
    """Flow logs, folded. `files` are names; `records` counts flows."""

    files: list[str] = field(default_factory=list)
    tallies: dict[tuple[End, End, str, int], Tally] = field(default_factory=dict)
    troubles: dict[str, Trouble] = field(default_factory=dict)
    records: int = 0

    def collect(self, file: str, items: Iterable[FlowRecord | Problem]) -> None:
        """Fold one log."""
        self.files.append(file)
        # ends of one log that are equal are one object, which is much quicker to look up by
        met: dict[tuple[int, int, str, int], Tally] = {}
        for item in items:
            if type(item) is not FlowRecord:
                assert isinstance(item, Problem)
                self._trouble(file, item)
                continue
            key = (id(item.source), id(item.destination), item.protocol, item.port)
            tally = met.get(key)
            if tally is None:
                if len(met) + len(self.tallies) >= MOST_FLOWS:
                    self._trouble(file, _too_many(item.line))
                    continue
                tally = met[key] = Tally(item)
            tally.add(item)
            self.records += 1
        for tally in met.values():
            place = (tally.source, tally.destination, tally.protocol, tally.port)
            if place in self.tallies:
                self.tallies[place].merge(tally)
            else:
                self.tallies[place] = tally

    def _trouble(self, file: str, problem: Problem) -> None:
        known = self.troubles.get(problem.slug)
        if known is None:
            self.troubles[problem.slug] = Trouble(
                problem.slug, 1, file, problem.line, problem.message, problem.incomplete
            )
        else:
            known.count += 1

    @property
    def incomplete(self) -> bool:
        """Whether flows may be missing."""
        return any(one.incomplete for one in self.troubles.values())


def _too_many(line: int) -> Problem:
    return Problem(
        line=line, slug="flow-limit", message=f"more than {MOST_FLOWS} different flows: the rest is not judged"
    )


class Replayed(Struct, frozen=True, kw_only=True):
    """Flows with the same ends, port and outcome.

    `outcome` is `cut`, `unknown`, `unmatched` (an end is nothing that was read: `why`), `opened` (dropped today), `denied`
    (dropped today and after) or `kept`. `times` counts connections as far as the log counts them, `records` its lines,
    `dropped` the connections that were dropped already. `addresses` are some of those outside, of `distinct`.
    """

    source: str
    destination: str
    protocol: str
    port: int
    outcome: str
    because: tuple[Reason, ...] = ()
    why: str = ""
    times: int = 0
    records: int = 0
    dropped: int = 0
    first: float | None = None
    last: float | None = None
    line: int = 0
    addresses: tuple[str, ...] = ()
    distinct: int = 0
    made: tuple[str, ...] = ()


class Simulation(Struct, frozen=True, kw_only=True):
    """What policies would do to recorded flows. `flows` counts different ones by outcome, `times` connections."""

    replayed: tuple[Replayed, ...]
    flows: dict[str, int]
    times: dict[str, int]
    troubles: tuple[Trouble, ...]
    records: int
    files: tuple[str, ...]
    first: float | None
    last: float | None
    compared: bool
    made: tuple[str, ...]

    @property
    def cuts(self) -> bool:
        """Whether anything would be cut."""
        return self.flows.get(CUT, 0) > 0

    @property
    def uncertain(self) -> bool:
        """Whether anything is unknown, unmatched or could not be read."""
        return bool(self.flows.get(UNKNOWN) or self.flows.get(UNMATCHED) or any(t.incomplete for t in self.troubles))


def simulate(seen: Seen, proposed: Judge, current: Judge | None = None) -> Simulation:
    """Judge folded flows under proposed policies, and under those that hold today where they are given."""
    groups: dict[tuple[object, ...], _Group] = {}
    for tally in seen.tallies.values():
        flow = (tally.source, tally.destination, tally.protocol, tally.port)
        judged = proposed.judge(*flow)
        outcome = _outcome(tally, judged, current.judge(*flow) if current is not None else None)
        # equal answers mostly are one object, which is much quicker to look up by than their reasons
        key = (judged.source.label, judged.destination.label, *flow[2:], outcome, id(judged.answer), judged.why)
        group = groups.get(key)
        if group is None:
            group = groups[key] = _Group(judged, tally, outcome)
        group.add(tally, judged)
    whole = _whole(groups.values())
    found = sorted((group.replayed() for group in whole), key=_order)
    return Simulation(
        replayed=tuple(found),
        flows={outcome: sum(group.flows for group in whole if group.outcome == outcome) for outcome in OUTCOMES},
        times={outcome: sum(one.times for one in found if one.outcome == outcome) for outcome in OUTCOMES},
        troubles=tuple(sorted(seen.troubles.values(), key=lambda one: one.slug)),
        records=seen.records,
        files=tuple(seen.files),
        first=min((one.first for one in found if one.first is not None), default=None),
        last=max((one.last for one in found if one.last is not None), default=None),
        compared=current is not None,
        made=tuple(sorted({name for one in found for name in one.made})),
    )


def _whole(groups: Iterable[_Group]) -> list[_Group]:
    """Groups of which no two have the same ends, port, outcome and reasons."""
    found: dict[tuple[object, ...], _Group] = {}
    for group in groups:
        if group.key in found:
            found[group.key].merge(group)
        else:
            found[group.key] = group
    return list(found.values())


def _order(one: Replayed) -> tuple[object, ...]:
    return (
        OUTCOMES.index(one.outcome),
        -one.times,
        -one.records,
        one.source,
        one.destination,
        one.protocol,
        one.port,
        str(one),
    )


def _outcome(tally: Tally, judged: Judged, before: Judged | None) -> str:
    if judged.answer is None:
        return UNMATCHED
    allowed = judged.answer.allowed
    if allowed is None:
        return UNKNOWN
    if before is not None and before.answer is not None:
        denied = before.answer.allowed is False
    else:
        denied = tally.dropped > 0 and tally.let <= 0
    if allowed:
        return OPENED if denied else KEPT
    return STILL if denied else CUT


class _Group:
    """Flows that are told together."""

    def __init__(self, judged: Judged, tally: Tally, outcome: str) -> None:
        self.outcome = outcome
        self.flows = 0
        self._judged = judged
        self._whole = Tally(tally)
        self._times = 0
        self._addresses: set[str] = set()
        self._made: set[str] = set()

    @property
    def key(self) -> tuple[object, ...]:
        """What tells groups apart."""
        judged, whole = self._judged, self._whole
        because = judged.answer.because if judged.answer is not None else None
        ends = (judged.source.label, judged.destination.label, whole.protocol, whole.port)
        return (*ends, self.outcome, because, judged.why)

    def add(self, tally: Tally, judged: Judged) -> None:
        """Count one flow."""
        self.flows += 1
        self._whole.merge(tally)
        self._times += tally.dropped if self.outcome in (STILL, OPENED) and tally.let <= 0 else max(tally.let, 0)
        for meant, end in ((judged.source, tally.source), (judged.destination, tally.destination)):
            if meant.made:
                self._made.add(meant.label)
            if meant.outside and end.ip and len(self._addresses) < _MOST_COUNTED:
                self._addresses.add(end.ip)

    def merge(self, other: _Group) -> None:
        """Count what another group counted."""
        self.flows += other.flows
        self._whole.merge(other._whole)
        self._times += other._times
        self._addresses |= other._addresses
        self._made |= other._made

    def replayed(self) -> Replayed:
        """The group, finished."""
        whole, judged = self._whole, self._judged
        return Replayed(
            source=judged.source.label,
            destination=judged.destination.label,
            protocol=whole.protocol,
            port=whole.port,
            outcome=self.outcome,
            because=judged.answer.because if judged.answer is not None else (),
            why=judged.why,
            times=self._times,
            records=whole.records,
            dropped=whole.dropped,
            first=whole.first,
            last=whole.last,
            line=whole.line,
            addresses=tuple(sorted(self._addresses)[:_MOST_SAMPLES]),
            distinct=len(self._addresses),
            made=tuple(sorted(self._made)),
        )
