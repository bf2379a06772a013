"""Cilium's Hubble: `hubble observe -o json` and `-o jsonpb`, and the exporter's files.

Shapes: cilium api/v1/flow/flow.proto and api/v1/observer/observer.proto in protobuf's JSON, with its own field names or in
camel case; releases before 0.8 write the flow without the envelope.
"""

from __future__ import annotations

import msgspec

from thwart.network.flowlogs import HOST, SERVICE, WORLD, End, FlowRecord, Problem
from thwart.network.flowlogs._words import (
    MOST_NOTE,
    Odd,
    bad_time,
    cut,
    malformed,
    no_flow,
    other_protocol,
    port_of,
    sane,
    snake,
    time_of,
)
from thwart.network.flowlogs.formats import Read, Sample, Stream, flow_format


class _Flags(msgspec.Struct):
    syn: bool = msgspec.field(default=False, name="SYN")
    ack: bool = msgspec.field(default=False, name="ACK")


class _Ports(msgspec.Struct):
    source_port: int = 0
    destination_port: int = 0
    flags: _Flags | None = None


class _L4(msgspec.Struct):
    tcp: _Ports | None = msgspec.field(default=None, name="TCP")
    udp: _Ports | None = msgspec.field(default=None, name="UDP")
    sctp: _Ports | None = msgspec.field(default=None, name="SCTP")
    icmp4: msgspec.Raw = msgspec.field(default=msgspec.Raw(), name="ICMPv4")
    icmp6: msgspec.Raw = msgspec.field(default=msgspec.Raw(), name="ICMPv6")


class _Ip(msgspec.Struct):
    source: str = ""
    destination: str = ""


class _Workload(msgspec.Struct, frozen=True):
    name: str = ""
    kind: str = ""


class _Endpoint(msgspec.Struct):
    namespace: str = ""
    labels: tuple[str, ...] | None = None
    pod_name: str = ""
    workloads: tuple[_Workload, ...] | None = None


class _Service(msgspec.Struct):
    name: str = ""
    namespace: str = ""


class _EventType(msgspec.Struct):
    type: int = 0


class _Flow(msgspec.Struct):
    time: str | None = None
    verdict: str | int = ""
    drop_reason: int | str = 0
    drop_reason_desc: str | int = ""
    ip: _Ip | None = msgspec.field(default=None, name="IP")
    l4: _L4 | None = None
    source: msgspec.Raw = msgspec.Raw()  # an endpoint, which is looked into when it is new only
    destination: msgspec.Raw = msgspec.Raw()
    kind: str | int = msgspec.field(default="", name="Type")
    reply: bool = False
    is_reply: bool | None = None
    event_type: _EventType | None = None
    destination_service: _Service | None = None
    traffic_direction: str | int = ""
    trace_observation_point: str | int = ""


class _Lost(msgspec.Struct):
    num_events_lost: int = 0
    source: str | int = ""


class _Envelope(_Flow):
    """An exported event; or a flow itself, as old releases wrote it."""

    flow: _Flow | None = None
    lost_events: _Lost | None = None


_VERDICTS: dict[str | int, bool | None] = {
    **dict.fromkeys(("FORWARDED", 1, "REDIRECTED", 5, "AUDIT", 4), True),
    **dict.fromkeys(("DROPPED", 2), False),
    **dict.fromkeys(("VERDICT_UNKNOWN", 0, "", "ERROR", 3, "TRACED", 6, "TRANSLATED", 7), None),
}
_TOLD = {"AUDIT": "audit mode: policy would have dropped it", "REDIRECTED": "redirected to a proxy", "ERROR": "error"}
_TOLD_BY_NUMBER: dict[str | int, str] = {4: "AUDIT", 5: "REDIRECTED", 3: "ERROR"}
_DROPS: dict[str | int, str] = {133: "POLICY_DENIED", 181: "POLICY_DENY", 189: "AUTH_REQUIRED"}
_L7, _SOCK = ("L7", 2), ("SOCK", 3)
_EGRESS = ("EGRESS", 2)
_DELIVERED = ("TO_ENDPOINT", 101)
_OTHER_EVENTS = (b'"node_status"', b'"agent_event"', b'"debug_event"', b'"nodeStatus"', b'"agentEvent"')
_ENVELOPES = {"lost_events", "node_status", "agent_event", "debug_event", "lostEvents", "nodeStatus", "agentEvent"}
_MOST_KEPT = 1 << 14  # bytes of an end that are remembered
_DERIVED = ("io.cilium.k8s.", "io.kubernetes.pod.", "io.cilium.")


@flow_format
class Hubble:
    """Hubble's events, one JSON object each."""

    json = True

    def __init__(self, stream: Stream) -> None:
        self._ends = stream.ends
        self._decode = msgspec.json.Decoder(_Envelope, strict=False).decode
        self._endpoint = msgspec.json.Decoder(_Endpoint, strict=False).decode

    @staticmethod
    def knows(sample: Sample) -> bool:
        """Whether it is one of Hubble's events."""
        if not isinstance(sample.value, dict):
            return False
        flow = sample.value.get("flow", sample.value)
        if not isinstance(flow, dict) or {"Key", "key"} & flow.keys():
            return False
        ends = {"source", "destination"} & flow.keys()
        return (
            "l4" in flow or "IP" in flow or ("verdict" in flow and bool(ends)) or bool(_ENVELOPES & sample.value.keys())
        )

    def read(self, line: bytes, number: int) -> Read:
        """One event."""
        if b'"isReply"' in line or b'"destinationPort"' in line or b'"lostEvents"' in line:
            line = msgspec.json.encode(snake(msgspec.json.decode(line)))
        event = self._decode(line)
        if event.lost_events is not None:
            return _lost(event.lost_events, number)
        flow = event.flow
        if flow is None:
            if any(mark in line for mark in _OTHER_EVENTS):
                return no_flow(number, "an event of Hubble that is no flow")
            flow = event
        return self._flow(flow, flow.time or event.time, number)

    def _flow(self, flow: _Flow, time: str | None, number: int) -> Read:
        if flow.kind in _SOCK:
            return no_flow(number, "a translation at a socket: the packets are told by other events")
        l4 = flow.l4
        ports = (l4.tcp or l4.udp or l4.sctp) if l4 else None
        if l4 is None or ports is None:
            icmp = l4 is not None and (l4.icmp4 or l4.icmp6)
            return other_protocol(number, "ICMP") if icmp else no_flow(number, "an event without ports")
        protocol = "TCP" if l4.tcp else "UDP" if l4.udp else "SCTP"
        flags = ports.flags
        reply = (
            flow.is_reply
            if flow.is_reply is not None
            else flow.reply or (flags is not None and flags.syn and flags.ack)
        )
        return self._record(flow, ports, protocol, reply, time, number)

    def _record(self, flow: _Flow, ports: _Ports, protocol: str, reply: bool, time: str | None, number: int) -> Read:
        if flow.verdict not in _VERDICTS:
            return malformed(number, f"Hubble has no verdict {cut(flow.verdict)}")
        addresses = flow.ip or _Ip()
        source = self._end(flow.source, addresses.source, None)
        destination = self._end(flow.destination, addresses.destination, flow.destination_service)
        port = ports.destination_port
        if reply:
            source, destination, port = destination, source, ports.source_port
        begins = protocol != "TCP" or ports.flags is None or (ports.flags.syn and not ports.flags.ack)
        problem = None
        try:
            when = time_of(time)
        except Odd as odd:
            when, problem = None, bad_time(number, odd)
        record = FlowRecord(
            source=source,
            destination=destination,
            protocol=protocol,
            port=port_of(port),
            verdict=_verdict(flow),
            time=when,
            count=1 if begins and not reply and flow.kind not in _L7 else 0,
            line=number,
            side=_side(flow, destination, reply=reply),
            note=_note(flow)[:MOST_NOTE],
        )
        return record if problem is None else (record, problem)

    def _end(self, written: msgspec.Raw, ip: str, service: _Service | None) -> End:
        raw = bytes(written)
        if raw in (b"", b"null"):
            return self._ends.ip(ip)
        if len(raw) > _MOST_KEPT:
            return sane(_make(self._endpoint(raw), ip, service))
        key = (raw, ip) if service is None else (raw, ip, service.name, service.namespace)
        return self._ends.get(key, lambda: _make(self._endpoint(raw), ip, service))


def _make(endpoint: _Endpoint, ip: str, service: _Service | None) -> End:
    labels, what = {}, ""
    namespace = endpoint.namespace
    for label in endpoint.labels or ():
        source, colon, rest = label.partition(":")
        if source == "reserved" and colon:
            what = what if what == HOST else _reserved(rest)
            continue
        key, _, value = (rest if source == "k8s" and colon else label).partition("=")
        if key == "io.kubernetes.pod.namespace":
            namespace = namespace or value
        elif (source in ("k8s", "any") or "=" in source) and key and not key.startswith(_DERIVED):
            labels[key] = value
    workload = next(
        (f"{one.kind}/{one.name}" if one.kind else one.name for one in endpoint.workloads or () if one.name), ""
    )
    if service is not None and service.name and not endpoint.pod_name and not namespace and what != HOST:
        return End(namespace=service.namespace, workload=f"Service/{service.name}", ip=ip, what=SERVICE)
    return End(
        namespace=namespace,
        pod=endpoint.pod_name,
        workload=workload,
        labels=tuple(sorted(labels.items())),
        ip=ip,
        what="" if endpoint.pod_name else what,
    )


def _reserved(name: str) -> str:
    """What a reserved identity stands for (cilium pkg/identity/reserved.go)."""
    if name in ("host", "remote-node", "health"):
        return HOST
    return WORLD if name.startswith("world") else ""


def _verdict(flow: _Flow) -> bool | None:
    found = _VERDICTS[flow.verdict]
    # a proxy that refuses a request has been reached: the connection itself was let through
    return True if found is False and flow.kind in _L7 else found


def _side(flow: _Flow, destination: End, *, reply: bool) -> str:
    """A packet that left its source has not arrived yet, unless nothing at the other end could stop it."""
    egress = flow.traffic_direction in _EGRESS
    if flow.verdict in ("DROPPED", 2) and flow.kind not in _L7:
        return ("egress" if egress else "ingress") if flow.traffic_direction not in ("", 0) else ""
    detailed = flow.event_type is not None or flow.trace_observation_point not in ("", 0, "UNKNOWN_POINT")
    if reply or not egress or not detailed or flow.kind in _L7 or flow.trace_observation_point in _DELIVERED:
        return ""
    return "egress" if destination.pod or destination.namespace else ""


def _note(flow: _Flow) -> str:
    if flow.verdict in ("DROPPED", 2):
        reason = flow.drop_reason_desc or flow.drop_reason
        told = _DROPS.get(reason, str(reason)) if reason else ""
        return f"refused by a proxy {told}".rstrip() if flow.kind in _L7 else told
    word = _TOLD_BY_NUMBER.get(flow.verdict, flow.verdict)
    return _TOLD.get(str(word), "")


def _lost(lost: _Lost, number: int) -> Problem:
    count = lost.num_events_lost
    return Problem(
        line=number, slug="flow-lost", message=f"Hubble lost {count} events here ({lost.source or 'unknown'})"
    )
