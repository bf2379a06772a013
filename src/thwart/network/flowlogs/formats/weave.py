"""Weave Net's policy controller: the lines it writes for what it blocks.

Shape: weave npc/metrics (`%s connection from %v:%d to %v:%d blocked by Weave NPC.`), with the prefixes of its two loggers
and of whatever collected them. IPv6 addresses stand without brackets there, so that the last colon begins the port.
"""

from __future__ import annotations

import re

from thwart.network.flowlogs import FlowRecord
from thwart.network.flowlogs._words import (
    Odd,
    bad_time,
    cut,
    no_flow,
    other_protocol,
    port_of,
    protocol_of,
    time_of,
)
from thwart.network.flowlogs.formats import Read, Sample, Stream, flow_format

_BLOCKED = re.compile(
    rb"([A-Za-z]{2,8}) connection from (<unknown IP>|[0-9A-Fa-f.:\[\]]{2,48}):(\d{1,5}) "
    rb"to (<unknown IP>|[0-9A-Fa-f.:\[\]]{2,48}):(\d{1,5}) blocked by Weave NPC"
)
_OWN = re.compile(rb"(?:INFO|WARN|DEBU|ERRO|FATA): \d{4}/\d\d/\d\d \d\d:\d\d:\d\d")
_MOMENT = re.compile(rb"(\d{4})/(\d\d)/(\d\d) (\d\d:\d\d:\d\d(?:\.\d{1,9})?) ")
_TIME = re.compile(rb'time="([^"]{10,40})"')


@flow_format
class Weave:
    """Lines of `weave-npc`."""

    json = False

    def __init__(self, stream: Stream) -> None:
        self._ends = stream.ends

    @staticmethod
    def knows(sample: Sample) -> bool:
        """Whether it is a sample.line of that log; one sample.line that blocks, or one of its own prefixes."""
        return sample.value is None and (b"blocked by Weave NPC" in sample.line or _OWN.match(sample.line) is not None)

    def read(self, line: bytes, number: int) -> Read:
        """One blocked connection; the rest of the log is about other things."""
        found = _BLOCKED.search(line)
        if found is None:
            if b"blocked by Weave NPC" in line:
                raise Odd(f"{cut(line.strip())} names no connection")
            return no_flow(number, "a line of weave-npc that blocks nothing")
        word, source, _, destination, port = (group.decode("ascii", "replace") for group in found.groups())
        protocol = protocol_of(word)
        if not protocol:
            return other_protocol(number, word)
        if "unknown" in source or "unknown" in destination:
            raise Odd("Weave did not know an address of it")
        problem = None
        try:
            when = _time(line)
        except Odd as odd:
            when, problem = None, bad_time(number, odd)
        record = FlowRecord(
            source=self._ends.ip(source.strip("[]")),
            destination=self._ends.ip(destination.strip("[]")),
            protocol=protocol,
            port=port_of(port),
            verdict=False,
            time=when,
            line=number,
            note="blocked by Weave NPC",
        )
        return record if problem is None else (record, problem)


def _time(line: bytes) -> float | None:
    own = _MOMENT.search(line)
    if own is not None:
        year, month, day, clock = (group.decode() for group in own.groups())
        return time_of(f"{year}-{month}-{day}T{clock}")
    logged = _TIME.search(line)
    if logged is not None and b"yyyy" not in logged[1]:
        return time_of(logged[1].decode("utf-8", "replace"))
    return None
