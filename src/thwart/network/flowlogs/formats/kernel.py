"""Kernel log lines of iptables' LOG, nftables' `log` and of ulogd's LOGEMU: `prefix IN=… OUT=… SRC=… DST=… PROTO=…`.

Shape: linux net/netfilter/nf_log_syslog.c. The verdict is not in the line: it is what the prefix says, if it says anything.
Times are ISO 8601 as rsyslog and journalctl write them, those of `dmesg -T`, or RFC 3164's, which lack the year; the
kernel's own clock counts from its start and says nothing.
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
    syslog_time,
    time_of,
    verdict_in,
)
from thwart.network.flowlogs.formats import Read, Sample, Stream, flow_format

_BODY = re.compile(rb"\bIN=\S* OUT=\S* ")
_ADDRESSES = re.compile(rb"\bSRC=([0-9A-Fa-f.:]{2,45}) DST=([0-9A-Fa-f.:]{2,45})\s")
_PROTOCOL = re.compile(rb"\bPROTO=([A-Za-z0-9-]{1,12})\b")
_PORTS = re.compile(rb"\bSPT=(\d{1,7}) DPT=(\d{1,7})\s")
_INNER = re.compile(rb" \[SRC=")  # the packet that an ICMP error is about
_ISO = re.compile(rb"^(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?)\s")
_SYSLOG = re.compile(rb"^(?:<\d{1,3}>)?([A-Z][a-z]{2}) +(\d{1,2}) (\d\d:\d\d:\d\d(?:\.\d{1,9})?)\s")
_DATED = re.compile(rb"^\[[A-Z][a-z]{2} ([A-Z][a-z]{2}) +(\d{1,2}) (\d\d:\d\d:\d\d) (\d{4})\]\s")  # dmesg -T
_UPTIME = re.compile(rb"^\s*\[\s*\d{1,10}\.\d{1,9}\]\s?")
_MOST_PREFIX = 128  # NF_LOG_PREFIXLEN
_EPHEMERAL = 32768  # where Linux's own range begins (ip_local_port_range)


@flow_format
class Kernel:
    """Packets as the kernel logs them."""

    json = False

    def __init__(self, stream: Stream) -> None:
        self._ends = stream.ends
        self._year = stream.year

    @staticmethod
    def knows(sample: Sample) -> bool:
        """Whether the kernel logged a packet there."""
        return (
            sample.value is None
            and _BODY.search(sample.line) is not None
            and _ADDRESSES.search(sample.line + b" ") is not None
        )

    def read(self, line: bytes, number: int) -> Read:
        """One packet."""
        body = _BODY.search(line)
        if body is None:
            return no_flow(number, "a line of the kernel that logs no packet")
        head, rest = line[: body.start()], line[body.start() :]
        inner = _INNER.search(rest)
        if inner is not None:
            rest = rest[: inner.start()] + b" "
        addresses, protocol, ports = _ADDRESSES.search(rest), _PROTOCOL.search(rest), _PORTS.search(rest)
        if addresses is None or protocol is None:
            raise Odd("the packet's addresses or its protocol are missing")
        name = protocol_of(protocol[1].decode())
        if not name:
            return other_protocol(number, protocol[1])
        if ports is None:
            return no_flow(number, "a fragment without ports")
        return self._record(head, rest, name, addresses, ports, number)

    def _record(
        self,
        head: bytes,
        rest: bytes,
        protocol: str,
        addresses: re.Match[bytes],
        ports: re.Match[bytes],
        number: int,
    ) -> Read:
        problem = None
        try:
            when = self._time(head)
        except Odd as odd:
            when, problem = None, bad_time(number, odd)
        source, destination = addresses[1].decode(), addresses[2].decode()
        from_port, port = port_of(ports[1].decode()), port_of(ports[2].decode())
        syn, ack = b" SYN " in rest, b" ACK " in rest
        turned = is_reply(protocol, from_port, port, syn=syn, ack=ack, flagged=b" WINDOW=" in rest)
        if turned:
            source, destination, port = destination, source, from_port
        prefix = _prefix(head)
        record = FlowRecord(
            source=self._ends.ip(source),
            destination=self._ends.ip(destination),
            protocol=protocol,
            port=port,
            verdict=verdict_in(prefix),
            time=when,
            count=0 if turned or (protocol == "TCP" and b" WINDOW=" in rest and not syn) else 1,
            line=number,
            note=prefix,
        )
        return record if problem is None else (record, problem)

    def _time(self, head: bytes) -> float | None:
        iso, dated = _ISO.match(head), _DATED.match(head)
        if iso is not None:
            return time_of(iso[1].decode().replace(",", "."))
        if dated is not None:
            month, day, clock, year = (group.decode() for group in dated.groups())
            return syslog_time(month, day, clock, int(year))
        old = _SYSLOG.match(head)
        if old is None:
            return None
        if not self._year:
            raise Odd(f"{cut(old[0].strip())} lacks the year")
        return syslog_time(old[1].decode(), old[2].decode(), old[3].decode(), self._year)


def _prefix(head: bytes) -> str:
    """The rule's own prefix: what follows the time, the host and the kernel's mark and clock."""
    at = head.find(b"kernel:")
    if at >= 0:
        rest = head[at + len(b"kernel:") :]
    else:
        stamp = _ISO.match(head) or _SYSLOG.match(head) or _DATED.match(head)
        rest = head[stamp.end() :] if stamp is not None else head
        if stamp is not None and stamp.re is not _DATED and b"," not in stamp[0]:  # dmesg names no host
            rest = rest.partition(b" ")[2]
    return _UPTIME.sub(b"", rest, count=1)[-_MOST_PREFIX:].decode("utf-8", "replace").strip()


def is_reply(protocol: str, source: int, destination: int, *, syn: bool, ack: bool, flagged: bool) -> bool:
    """Whether a packet goes back to who began the connection.

    SYN tells who began (RFC 9293, 3.5). Without it the side whose port is of the range that systems give to clients
    is taken to have begun, if the other side's port is not.
    """
    if protocol == "TCP" and flagged and syn:
        return ack
    return destination >= _EPHEMERAL > source
