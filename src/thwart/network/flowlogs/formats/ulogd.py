"""ulogd2's JSON, of packets (NFLOG) and of connections (NFCT).

Shape: ulogd2 output/ulogd_output_JSON.c with its CIM names; keys of input plug-ins that have no such name keep theirs.
"""

from __future__ import annotations

from collections import OrderedDict

import msgspec

from thwart.network.flowlogs import FlowRecord
from thwart.network.flowlogs._words import (
    MOST_NOTE,
    Odd,
    bad_time,
    no_flow,
    other_protocol,
    port_of,
    protocol_of,
    time_of,
    verdict_in,
    verdict_of,
)
from thwart.network.flowlogs.formats import Read, Sample, Stream, flow_format
from thwart.network.flowlogs.formats.kernel import is_reply

_NEW, _UPDATE = 1, 2  # libnfnetlink_conntrack's event types
_MOST_OPEN = 1 << 17


class _Line(msgspec.Struct):
    timestamp: str | None = None
    prefix: str = msgspec.field(default="", name="oob.prefix")
    action: str | None = None
    src_ip: str | None = None
    dest_ip: str | None = None
    src_port: int | None = None
    dest_port: int | None = None
    protocol: int | None = msgspec.field(default=None, name="ip.protocol")
    protocol6: int | None = msgspec.field(default=None, name="ip6.nexthdr")
    syn: int | bool | None = msgspec.field(default=None, name="tcp.syn")
    ack: int | bool | None = msgspec.field(default=None, name="tcp.ack")
    seconds: int | None = msgspec.field(default=None, name="oob.time.sec")
    micros: int = msgspec.field(default=0, name="oob.time.usec")
    event: int | None = msgspec.field(default=None, name="ct.event")
    conn_protocol: int | None = msgspec.field(default=None, name="orig.ip.protocol")
    conn_source: str | None = msgspec.field(default=None, name="orig.ip.saddr.str")
    answer_source: str | None = msgspec.field(default=None, name="reply.ip.saddr.str")
    answer_port: int | None = msgspec.field(default=None, name="reply.l4.sport")
    identity: int | None = msgspec.field(default=None, name="ct.id")
    answers: int | None = msgspec.field(default=None, name="reply.raw.pktcount")
    began: int | None = msgspec.field(default=None, name="flow.start.sec")
    began_micros: int = msgspec.field(default=0, name="flow.start.usec")
    ended: int | None = msgspec.field(default=None, name="flow.end.sec")


@flow_format
class Ulogd:
    """Objects of ulogd2, one packet or connection each."""

    json = True

    def __init__(self, stream: Stream) -> None:
        self._ends = stream.ends
        self._decode = msgspec.json.Decoder(_Line, strict=False).decode
        self._open: OrderedDict[int, None] = OrderedDict()

    @staticmethod
    def knows(sample: Sample) -> bool:
        """Whether it is an object of ulogd2."""
        if not isinstance(sample.value, dict) or not ({"src_ip", "orig.ip.saddr.str"} & sample.value.keys()):
            return False
        return any(key.startswith(("oob.", "ct.", "raw.", "orig.", "ip.protocol")) for key in sample.value)

    def read(self, line: bytes, number: int) -> Read:
        """One packet, or one connection."""
        one = self._decode(line)
        if one.conn_protocol is not None:
            return self._connection(one, number)
        if one.src_ip is None or one.dest_ip is None:
            raise Odd("the packet's addresses are missing: load ulogd's filter IP2STR")
        written = one.protocol if one.protocol is not None else one.protocol6
        protocol = protocol_of(written if written is not None else "")
        if not protocol:
            return other_protocol(number, written)
        if one.dest_port is None:
            return no_flow(number, "a fragment without ports")
        source, destination = one.src_ip, one.dest_ip
        from_port, port = port_of(one.src_port), port_of(one.dest_port)
        flagged = protocol == "TCP" and (one.syn is not None or one.ack is not None)
        turned = is_reply(protocol, from_port, port, syn=bool(one.syn), ack=bool(one.ack), flagged=flagged)
        if turned:
            source, destination, port = destination, source, from_port
        verdict = verdict_of(one.action) if one.action else verdict_in(one.prefix)
        when = None if one.seconds is None else one.seconds + one.micros / 1e6
        record = FlowRecord(
            source=self._ends.ip(source),
            destination=self._ends.ip(destination),
            protocol=protocol,
            port=port,
            verdict=verdict,
            count=0 if turned or (flagged and not one.syn) else 1,
            line=number,
            note=one.prefix.strip()[:MOST_NOTE],
        )
        return _timed(record, one.timestamp if when is None else when, None)

    def _connection(self, one: _Line, number: int) -> Read:
        protocol = protocol_of(one.conn_protocol or 0)
        if not protocol:
            return other_protocol(number, one.conn_protocol)
        source, destination = one.conn_source or one.src_ip, one.answer_source or one.dest_ip
        if source is None or destination is None:
            raise Odd("the connection's addresses are missing: load ulogd's filter IP2STR")
        verdict = True if one.answers else None
        count = self._counted(one)
        if count is None or (not count and not verdict):
            return no_flow(number, "more of a connection that is known")
        record = FlowRecord(
            source=self._ends.ip(source),
            destination=self._ends.ip(destination),
            protocol=protocol,
            port=port_of(one.answer_port if one.answer_port is not None else one.dest_port),
            verdict=verdict,
            count=count,
            line=number,
            note="" if verdict else "no reply was counted",
        )
        began = None if one.began is None else one.began + one.began_micros / 1e6
        return _timed(record, one.timestamp if began is None else began, one.ended)

    def _counted(self, one: _Line) -> int | None:
        """1 for a connection that was not told before, 0 for the end of one that was, None for what lies between."""
        if one.event == _UPDATE:
            return None
        known = one.identity in self._open
        if one.identity is not None:
            self._open.pop(one.identity, None)
            if one.event == _NEW:
                self._open[one.identity] = None
                if len(self._open) > _MOST_OPEN:
                    self._open.popitem(last=False)
        return 0 if known and one.event != _NEW else 1


def _timed(record: FlowRecord, began: str | float | None, ended: float | None) -> Read:
    try:
        when, until = time_of(began), time_of(ended)
    except Odd as odd:
        return record, bad_time(record.line, odd)
    return msgspec.structs.replace(record, time=when, until=until)
