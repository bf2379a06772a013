"""Thwart's own JSON lines: what `thwart net eval` reads, with what became of the flow.

`{"src": {"namespace": …, "pod": …}, "dst": {"ip": …}, "protocol": "TCP", "port": 80, "verdict": "allowed", "time": …,
"count": 3}`. An end may also have a `workload` or `labels`; what is not given is not known.
"""

from __future__ import annotations

import msgspec

from thwart.network.flowlogs import HOST, WORLD, End, FlowRecord
from thwart.network.flowlogs._words import (
    MOST_NOTE,
    Odd,
    bad_time,
    count_of,
    cut,
    other_protocol,
    port_of,
    protocol_of,
    time_of,
    verdict_of,
)
from thwart.network.flowlogs.formats import Read, Sample, Stream, flow_format


class _End(msgspec.Struct):
    namespace: str | None = None
    pod: str = ""
    workload: str = ""
    labels: dict[str, str] | None = None
    ip: str = ""
    what: str = ""


class _Flow(msgspec.Struct):
    src: _End
    dst: _End
    port: int | str
    protocol: str | int = "TCP"
    verdict: bool | str | None = None
    time: str | int | float | None = None
    until: str | int | float | None = None
    count: int = 1
    note: str = ""


@flow_format
class Jsonl:
    """Flows as `net eval` takes them."""

    json = True

    def __init__(self, stream: Stream) -> None:
        self._ends = stream.ends
        self._decode = msgspec.json.Decoder(_Flow).decode

    @staticmethod
    def knows(sample: Sample) -> bool:
        """Whether it is a flow of this shape."""
        return isinstance(sample.value, dict) and {"src", "dst", "port"} <= sample.value.keys()

    def read(self, line: bytes, number: int) -> Read:
        """One flow."""
        flow = self._decode(line)
        protocol = protocol_of(flow.protocol)
        if not protocol:
            return other_protocol(number, flow.protocol)
        problem = None
        try:
            when, until = time_of(flow.time), time_of(flow.until)
        except Odd as odd:
            when, until, problem = None, None, bad_time(number, odd)
        record = FlowRecord(
            source=self._end(flow.src),
            destination=self._end(flow.dst),
            protocol=protocol,
            port=port_of(flow.port),
            verdict=verdict_of(flow.verdict),
            time=when,
            until=until,
            count=count_of(flow.count),
            line=number,
            note=flow.note[:MOST_NOTE],
        )
        return record if problem is None else (record, problem)

    def _end(self, end: _End) -> End:
        labels = tuple(sorted(end.labels.items())) if end.labels else ()
        key = (end.namespace, end.pod, end.workload, labels, end.ip, end.what)
        return self._ends.get(key, lambda: _make(end, labels))


def _make(end: _End, labels: tuple[tuple[str, str], ...]) -> End:
    if not (end.pod or end.workload or labels or end.ip or end.what):
        raise Odd("an end of a flow has a pod, a workload, labels or an ip")
    if end.what not in ("", WORLD, HOST):
        raise Odd(f"an end is {WORLD} or {HOST}, not {cut(end.what)}")
    named = bool(end.pod or end.workload or labels)
    namespace = ("default" if named else "") if end.namespace is None else end.namespace
    return End(namespace=namespace, pod=end.pod, workload=end.workload, labels=labels, ip=end.ip, what=end.what)
