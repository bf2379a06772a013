"""Linux conntrack: `conntrack -L`, `conntrack -E`, and /proc/net/nf_conntrack.

Shape: libnetfilter_conntrack's default output, with the options timestamp, ktimestamp, id and extended. Each line has the
tuple of the original direction and the one that replies are expected with; what a service's address was translated to is
the source of the second. The clock in `[start=…]` has no zone: it is taken as UTC.
"""

from __future__ import annotations

import re
from collections import OrderedDict

from thwart.network.flowlogs import FlowRecord
from thwart.network.flowlogs._words import (
    Odd,
    bad_time,
    cut,
    no_flow,
    other_protocol,
    port_of,
    protocol_of,
    syslog_time,
    time_of,
)
from thwart.network.flowlogs.formats import Read, Sample, Stream, flow_format

_EVENT = re.compile(rb"^(?:\[(\d{1,12}(?:\.\d{1,9})?)\])?\s*(?:\[(NEW|UPDATE|DESTROY)\]\s+)?")
_PROTOCOL = re.compile(rb"(?:ipv[46]\s+\d{1,3}\s+)?([a-z0-9-]{2,12})\s+\d{1,3}\s")
_ADDRESSES = re.compile(rb"\bsrc=([0-9A-Fa-f.:]{2,45}) dst=([0-9A-Fa-f.:]{2,45}) sport=(\d{1,7}) dport=(\d{1,7})\s")
_START = re.compile(rb"\[start=\w{3} (\w{3}) +(\d{1,2}) (\d\d:\d\d:\d\d) (\d{4})\]")
_STOP = re.compile(rb"\[stop=\w{3} (\w{3}) +(\d{1,2}) (\d\d:\d\d:\d\d) (\d{4})\]")
_SUMMARY = (b"conntrack v",)
_MOST_OPEN = 1 << 17


@flow_format
class Conntrack:
    """Lines of conntrack. In a stream of events the connections that are open are remembered, so that each counts once."""

    json = False

    def __init__(self, stream: Stream) -> None:
        self._ends = stream.ends
        self._open: OrderedDict[tuple[str | bytes, ...], bool | None] = OrderedDict()

    @staticmethod
    def knows(sample: Sample) -> bool:
        """Whether it is a sample.line of conntrack."""
        if sample.value is not None:
            return False
        return sample.line.startswith(_SUMMARY) or (
            len(_ADDRESSES.findall(sample.line + b" ")) == 2 and _begin(sample.line) is not None
        )

    def read(self, line: bytes, number: int) -> Read:
        """One connection, or what became of it."""
        if line.startswith(_SUMMARY):
            return no_flow(number, "conntrack's own count of its lines")
        began = _begin(line)
        if began is None:
            raise Odd(f"{cut(line.strip())} is no line of conntrack")
        at, event, protocol = began
        name = protocol_of(protocol)
        if not name:
            return other_protocol(number, protocol)
        tuples = _ADDRESSES.findall(line)
        if len(tuples) != 2:
            raise Odd("a line of conntrack has two tuples of addresses and ports")
        verdict = None if b"[UNREPLIED]" in line else True
        count = self._counted((name, *tuples[0]), event, verdict) if event else 1
        if count is None:
            return no_flow(number, "more of a connection that is known")
        return self._record(line, tuples, name, at, verdict, count, number)

    def _counted(self, key: tuple[str | bytes, ...], event: bytes, verdict: bool | None) -> int | None:
        """1 for a connection that is new, 0 where a known one was answered at last, None where nothing is new."""
        if event == b"NEW":
            self._open.pop(key, None)
        known = key in self._open
        before = self._open.pop(key, None)
        if event != b"DESTROY":
            self._open[key] = verdict or before
            if len(self._open) > _MOST_OPEN:
                self._open.popitem(last=False)
        if not known:
            return 1
        return 0 if verdict and not before else None

    def _record(
        self,
        line: bytes,
        tuples: list[tuple[bytes, ...]],
        protocol: str,
        at: bytes | None,
        verdict: bool | None,
        count: int,
        number: int,
    ) -> Read:
        problem = None
        try:
            when, until = _times(line, at)
        except Odd as odd:
            when, until, problem = None, None, bad_time(number, odd)
        original, answer = tuples
        record = FlowRecord(
            source=self._ends.ip(original[0].decode()),
            destination=self._ends.ip(answer[0].decode()),
            protocol=protocol,
            port=port_of(answer[2].decode()),
            verdict=verdict,
            time=when,
            until=until,
            count=count,
            line=number,
            note="" if verdict else "no reply was seen",
        )
        return record if problem is None else (record, problem)


def _begin(line: bytes) -> tuple[bytes | None, bytes, str] | None:
    event = _EVENT.match(line)
    protocol = _PROTOCOL.match(line, event.end() if event else 0)
    if event is None or protocol is None:
        return None
    return event[1], event[2] or b"", protocol[1].decode()


def _times(line: bytes, at: bytes | None) -> tuple[float | None, float | None]:
    stamp = time_of(float(at)) if at else None
    if b"[start=" not in line:
        return stamp, None
    start, stop = (_clock(found) for found in (_START.search(line), _STOP.search(line)))
    return (start if start is not None else stamp), (stop if stop is not None else stamp if start is not None else None)


def _clock(found: re.Match[bytes] | None) -> float | None:
    if found is None:
        return None
    month, day, clock, year = (group.decode("ascii", "replace") for group in found.groups())
    return syslog_time(month, day, clock, int(year))
