"""A stream of recorded flows watched: what was denied, what got through though it should not, what was never seen before,
and who behaves unlike what was learned. Everything goes by the log's own time: the same log gives the same reports.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import NamedTuple

from thwart.network.flowlogs import End, FlowRecord, Problem
from thwart.network.flowlogs.judging import GrowingJudge, Judge, Judged
from thwart.network.flowlogs.matching import Meant
from thwart.network.watching import scoring
from thwart.network.watching.baseline import Baseline, Known
from thwart.network.watching.events import DENIED, FORBIDDEN, HOLE, NEW, OUTAGE, UNKNOWN, UNMATCHED, Event
from thwart.network.watching.metrics import Metrics
from thwart.network.watching.scoring import Bounds
from thwart.network.watching.windows import Closed, Windows

Forbidden = Callable[[FlowRecord, Judged], str | None]  # why an intent forbids a flow; None when none does

MOST_REMEMBERED = 200_000  # flows of which it is known when they were last told
_MOST_VIEWS = 200_000
_PREFIX = {4: 24, 6: 48}  # blocks in which addresses outside are remembered
_POLICY_DROPS = frozenset(("", "POLICY_DENIED", "POLICY_DENY", "AUTH_REQUIRED"))
_ENGLISH = {False: "policies deny it", True: "policies allow it", None: "policies leave it open"}


class View(NamedTuple):
    """A flow as a watch sees it; the ends are kept so that their identities stay theirs."""

    judged: Judged
    known: Known
    ends: tuple[End, End]


class Told(NamedTuple):
    """When a flow was last told as something, and how many connections were counted since."""

    time: float | None
    since: int


class Watcher:
    """Watches one stream.

    Args:
        judge: the policies that are meant to hold.
        baseline: what is usual; None reports nothing as new.
        learn: what is filled with what is seen.
        forbidden: says why an intent forbids a flow that policies allow.
        window: seconds of a window.
        repeat: seconds after which the same flow is told again.
        bounds: what counts as unusual.
    """

    def __init__(
        self,
        judge: Judge | GrowingJudge,
        *,
        baseline: Baseline | None = None,
        learn: Baseline | None = None,
        forbidden: Forbidden | None = None,
        window: int = 300,
        repeat: float = 3600.0,
        bounds: Bounds | None = None,
    ) -> None:
        self._judge = judge
        self._baseline, self._learn = baseline, learn
        self._forbidden = forbidden
        self._repeat = repeat
        self._bounds = bounds or Bounds()
        self._windows = Windows(window)
        self._views: dict[tuple[int, int, str, int], View] = {}
        self._told: OrderedDict[tuple[str, Known], Told] = OrderedDict()
        self.metrics = Metrics()

    def feed(self, item: FlowRecord | Problem) -> Iterator[Event]:
        """One item of the log; what is to be told because of it."""
        if isinstance(item, Problem):
            self.metrics.problem(item)
            return
        view = self._view(item)
        self.metrics.record(item, view.judged)
        for kind, message in self._kinds(item, view):
            yield from self._tell(kind, message, item, view)
        dropped = item.verdict is False
        if self._learn is not None:
            self._learn.count(item.time)
            if not dropped:
                self._learn.add(view.known)
        port = (item.protocol, item.port)
        yield from self._closed(
            self._windows.add(item.time, _actor(view, item), _aim(view, item), port, dropped=dropped)
        )

    def finish(self) -> Iterator[Event]:
        """What is to be told at the end of the log."""
        yield from self._closed(self._windows.finish())
        self.metrics.late, self.metrics.ahead = self._windows.late, self._windows.ahead
        self.metrics.crowded = self._windows.crowded

    def _view(self, record: FlowRecord) -> View:
        key = (id(record.source), id(record.destination), record.protocol, record.port)
        view = self._views.get(key)
        if view is None:
            if len(self._views) >= _MOST_VIEWS:
                self._views.clear()
            judged = self._judge.judge(record.source, record.destination, record.protocol, record.port)
            source = _name(judged.source, record.source, narrow=False)
            destination = _name(judged.destination, record.destination, narrow=True)
            known = Known(source, destination, record.protocol, record.port)
            view = self._views[key] = View(judged, known, (record.source, record.destination))
        return view

    def _kinds(self, record: FlowRecord, view: View) -> Iterator[tuple[str, str]]:
        """What a record is to be told as, and the sentence that says so."""
        answer, judged = view.judged.answer, view.judged
        if answer is None:
            yield UNMATCHED, judged.why
        elif record.verdict is False:
            yield from _dropped(record, answer.allowed)
        elif answer.allowed is None:
            yield UNKNOWN, "policies may decide either way"
        elif answer.allowed is False:
            if record.verdict and (record.side != "egress" or any(r.direction == "egress" for r in answer.because)):
                yield HOLE, "it was let through although policies deny it"
            elif record.verdict is None:
                yield DENIED, "policies deny it; the log does not tell what became of it"
        elif self._forbidden is not None:
            why = self._forbidden(record, judged)
            if why:
                yield FORBIDDEN, f"policies allow it, but {why}"
        if self._baseline is not None and record.verdict is not False and view.known not in self._baseline:
            yield NEW, f"never seen before; {_ENGLISH[answer.allowed] if answer else 'an end is unmatched'}"

    def _tell(self, kind: str, message: str, record: FlowRecord, view: View) -> Iterator[Event]:
        """Tell a flow when it is met first, and again when it was last told long ago."""
        self.metrics.met(kind)
        key = (kind, view.known)
        before = self._told.pop(key, None)
        count = record.count + (before.since if before else 0)
        time = record.time
        if before is not None and (time is None or before.time is None or time - before.time < self._repeat):
            self._told[key] = Told(before.time, count)
            return
        self._told[key] = Told(time, 0)
        if len(self._told) > MOST_REMEMBERED:
            self._told.popitem(last=False)
            self.metrics.forgotten += 1
        self.metrics.told(kind)
        answer = view.judged.answer
        yield Event(
            kind=kind,
            message=message,
            time=time,
            source=view.known.source,
            destination=view.known.destination,
            protocol=record.protocol,
            port=record.port,
            count=count,
            line=record.line,
            because=answer.because if answer is not None and kind != FORBIDDEN else (),
            note=record.note,
        )

    def _closed(self, windows: list[Closed]) -> Iterator[Event]:
        for window in windows:
            if self._learn is not None:
                self._learn.measure(scoring.usual_name(window.source), window.values)
            for event in scoring.events(window, self._baseline, self._bounds):
                self.metrics.met(event.kind)
                self.metrics.told(event.kind)
                yield event


def _dropped(record: FlowRecord, allowed: bool | None) -> Iterator[tuple[str, str]]:
    if allowed is False:
        yield DENIED, "it was dropped, as policies say"
    elif allowed is None:
        yield UNKNOWN, "it was dropped; policies may decide either way"
    elif record.note in _POLICY_DROPS:
        yield OUTAGE, "it was dropped although policies allow it"
    else:
        yield OUTAGE, f"it was dropped although policies allow it; the recorder says: {record.note}"


def _name(meant: Meant, end: End, *, narrow: bool) -> str:
    """An end as a baseline remembers it. Outside, clients are one; servers are told apart by their block."""
    if meant.why:
        return str(end)
    if not meant.outside or not narrow or not end.ip:
        return meant.label
    try:
        address = ipaddress.ip_address(end.ip)
    except ValueError:
        return meant.label
    return f"{meant.label} {ipaddress.ip_network((address, _PREFIX[address.version]), strict=False)}"


def _actor(view: View, record: FlowRecord) -> str:
    """A source as windows count it: each address outside is one of its own."""
    outside = view.judged.source.outside and record.source.ip
    return f"{view.known.source} {record.source.ip}" if outside else view.known.source


def _aim(view: View, record: FlowRecord) -> str:
    """A destination as windows count it: a workload, or an address that is no pod's."""
    outside = view.judged.destination.outside or view.judged.destination.why
    return record.destination.ip if outside and record.destination.ip else view.known.destination
