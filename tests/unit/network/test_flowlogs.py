"""Flow logs in every format: what a line means, and what becomes of lines that mean nothing."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thwart.core.errors import UsageError
from thwart.network.flowlogs import HOST, SERVICE, WORLD, End, FlowRecord, Problem
from thwart.network.flowlogs.reading import bounded_lines, formats, read_flows

Json = dict[str, Any]


def read(text: str | bytes, format_: str = "auto", **options: Any) -> list[FlowRecord | Problem]:
    data = text.encode() if isinstance(text, str) else text
    return list(read_flows(bounded_lines(io.BytesIO(data)), format_, **options))


def one(text: str | Json, format_: str = "auto", **options: Any) -> FlowRecord:
    line = text if isinstance(text, str) else json.dumps(text)
    (found,) = read(line + "\n", format_, **options)
    assert isinstance(found, FlowRecord), found
    return found


def problem(text: str | Json, format_: str = "auto", **options: Any) -> Problem:
    line = text if isinstance(text, str) else json.dumps(text)
    (found,) = read(line + "\n", format_, **options)
    assert isinstance(found, Problem), found
    return found


def slugs(found: Iterable[FlowRecord | Problem]) -> list[str]:
    return [item.slug if isinstance(item, Problem) else "" for item in found]


# -- Hubble ------------------------------------------------------------------------------------------------------------

WEB: Json = {
    "ID": 1,
    "identity": 1001,
    "cluster_name": "default",
    "namespace": "shop",
    "labels": ["k8s:app=web", "k8s:io.cilium.k8s.policy.cluster=default", "k8s:io.kubernetes.pod.namespace=shop"],
    "pod_name": "web-5d4f8c7b6-x2x4w",
    "workloads": [{"name": "web", "kind": "Deployment"}],
}
DB: Json = {"ID": 2, "namespace": "data", "labels": ["k8s:app=db"], "pod_name": "db-0"}
WORLD_END: Json = {"identity": 2, "labels": ["reserved:world"]}
HOST_END: Json = {"identity": 1, "labels": ["reserved:host", "reserved:kube-apiserver"]}


def hubble(**changes: Any) -> Json:
    flow: Json = {
        "time": "2026-11-20T09:00:00.042012383Z",
        "verdict": "FORWARDED",
        "IP": {"source": "10.0.0.1", "destination": "10.0.0.2", "ipVersion": "IPv4"},
        "l4": {"TCP": {"source_port": 43210, "destination_port": 5432, "flags": {"SYN": True}}},
        "source": WEB,
        "destination": DB,
        "Type": "L3_L4",
        "event_type": {"type": 4},
        "traffic_direction": "INGRESS",
        "trace_observation_point": "TO_ENDPOINT",
        "is_reply": False,
        **changes,
    }
    return {
        "flow": {key: value for key, value in flow.items() if value is not None},
        "node_name": "n",
        "time": flow["time"],
    }


def test_hubble() -> None:
    found = one(hubble())
    assert found.source == End(
        namespace="shop",
        pod="web-5d4f8c7b6-x2x4w",
        workload="Deployment/web",
        labels=(("app", "web"),),
        ip="10.0.0.1",
    )
    assert found.destination == End(namespace="data", pod="db-0", labels=(("app", "db"),), ip="10.0.0.2")
    assert (found.protocol, found.port, found.verdict, found.count, found.side) == ("TCP", 5432, True, 1, "")
    assert found.time == pytest.approx(1795165200.042012)


def test_hubble_before_the_envelope() -> None:
    flow = hubble()["flow"]
    del flow["is_reply"]
    assert one(flow) == one(hubble())


REPLY = {
    "source": DB,
    "destination": WEB,
    "IP": {"source": "10.0.0.2", "destination": "10.0.0.1"},
    "l4": {"TCP": {"source_port": 5432, "destination_port": 43210, "flags": {"SYN": True, "ACK": True}}},
}


@pytest.mark.parametrize(
    "marks",
    [{"is_reply": True}, {"is_reply": None, "reply": True}, {"is_reply": None}],
    ids=["is_reply", "reply of old releases", "SYN and ACK alone"],
)
def test_hubble_turns_replies_around(marks: Json) -> None:
    found, forth = one(hubble(**REPLY, **marks)), one(hubble())
    assert (found.source, found.destination, found.port) == (forth.source, forth.destination, 5432)
    assert (found.count, found.verdict, found.side) == (0, True, "")


def test_hubble_says_that_a_reply_that_is_none_is_none() -> None:
    """`is_reply` false wins over flags and over the older field."""
    assert one(hubble(is_reply=False, reply=True)).port == 5432


@pytest.mark.parametrize(
    ("changes", "verdict", "side", "note"),
    [
        ({"verdict": "DROPPED", "drop_reason_desc": "POLICY_DENIED"}, False, "ingress", "POLICY_DENIED"),
        ({"verdict": "DROPPED", "drop_reason": 181, "traffic_direction": "EGRESS"}, False, "egress", "POLICY_DENY"),
        ({"verdict": 2, "drop_reason": 132}, False, "ingress", "132"),
        ({"verdict": "AUDIT"}, True, "", "audit mode: policy would have dropped it"),
        ({"verdict": "REDIRECTED"}, True, "", "redirected to a proxy"),
        ({"verdict": "ERROR"}, None, "", "error"),
        ({"verdict": "TRACED"}, None, "", ""),
        ({"traffic_direction": "EGRESS", "trace_observation_point": "TO_OVERLAY"}, True, "egress", ""),
        (
            {"traffic_direction": "EGRESS", "event_type": {"type": 5}, "trace_observation_point": None},
            True,
            "egress",
            "",
        ),
        (
            {"traffic_direction": "EGRESS", "trace_observation_point": "TO_STACK", "destination": WORLD_END},
            True,
            "",
            "",
        ),
        ({"traffic_direction": "EGRESS", "trace_observation_point": None, "event_type": None}, True, "", ""),
        ({"Type": "L7", "verdict": "DROPPED"}, True, "", "refused by a proxy"),
    ],
)
def test_hubble_verdicts(changes: Json, verdict: bool | None, side: str, note: str) -> None:
    found = one(hubble(**changes))
    assert (found.verdict, found.side, found.note) == (verdict, side, note)


def test_hubble_reserved_identities() -> None:
    found = one(hubble(source=WORLD_END, destination=HOST_END))
    assert (found.source.what, found.source.ip, found.source.labels) == (WORLD, "10.0.0.1", ())
    assert found.destination.what == HOST


def test_hubble_service_that_was_not_translated() -> None:
    found = one(hubble(destination={"identity": 2}, destination_service={"name": "db", "namespace": "data"}))
    assert found.destination == End(namespace="data", workload="Service/db", ip="10.0.0.2", what=SERVICE)
    resolved = one(hubble(destination_service={"name": "db", "namespace": "data"}))
    assert resolved.destination.pod == "db-0"


def test_hubble_other_transports() -> None:
    ports = {"source_port": 5000, "destination_port": 53}
    assert one(hubble(l4={"UDP": ports})).protocol == "UDP"
    assert one(hubble(l4={"SCTP": ports})).protocol == "SCTP"


def test_hubble_counts_what_begins() -> None:
    later = {"TCP": {"source_port": 43210, "destination_port": 5432, "flags": {"PSH": True, "ACK": True}}}
    assert one(hubble(l4=later)).count == 0


@pytest.mark.parametrize(
    ("event", "slug", "incomplete"),
    [
        (hubble(l4={"ICMPv4": {"type": 8}}), "flow-other-protocol", False),
        (hubble(l4={"ICMPv6": {}}), "flow-other-protocol", False),
        (hubble(l4=None), "flow-not-a-connection", False),
        (hubble(Type="SOCK", verdict="TRANSLATED"), "flow-not-a-connection", False),
        ({"agent_event": {"type": "POLICY_UPDATED"}, "node_name": "n"}, "flow-not-a-connection", False),
        ({"lost_events": {"source": "PERF_EVENT_RING_BUFFER", "num_events_lost": "5"}}, "flow-lost", True),
        (hubble(verdict="MAYBE"), "flow-malformed", True),
        (hubble(l4={"TCP": {"source_port": 1, "destination_port": 65536}}), "flow-malformed", True),
        (hubble(l4={"TCP": {"source_port": 1}}), "flow-malformed", True),
        (hubble(l4=[]), "flow-malformed", True),
        (hubble(source=7), "flow-malformed", True),
    ],
)
def test_hubble_tells_what_is_no_flow(event: Json, slug: str, incomplete: bool) -> None:
    found = problem(event, "hubble")
    assert (found.slug, found.incomplete) == (slug, incomplete)


@pytest.mark.parametrize("time", ["yesterday", "2026-13-45T00:00:00Z", "9999999999999999999999", "-5"])
def test_a_bad_time_costs_the_time_alone(time: str) -> None:
    record, found = read(json.dumps(hubble(time=time)) + "\n")
    assert isinstance(record, FlowRecord)
    assert isinstance(found, Problem)
    assert (record.time, record.port, found.slug, found.incomplete) == (None, 5432, "flow-bad-time", False)


def test_hubble_in_camel_case() -> None:
    flow = hubble()["flow"]
    camel = {
        "time": flow["time"],
        "verdict": "FORWARDED",
        "IP": flow["IP"],
        "l4": {"TCP": {"sourcePort": 43210, "destinationPort": 5432, "flags": {"SYN": True}}},
        "source": {
            "namespace": "shop",
            "podName": WEB["pod_name"],
            "labels": WEB["labels"],
            "workloads": WEB["workloads"],
        },
        "destination": {"namespace": "data", "podName": "db-0", "labels": ["k8s:app=db"]},
        "Type": "L3_L4",
        "trafficDirection": "INGRESS",
        "isReply": False,
    }
    assert one({"flow": camel, "nodeName": "n"}) == one(hubble())


# -- Calico ------------------------------------------------------------------------------------------------------------


def calico(**changes: Any) -> Json:
    return {
        "start_time": 1577834657,
        "end_time": 1577834965,
        "source_ip": None,
        "source_name": "-",
        "source_name_aggr": "web-5bdcdd9c97-*",
        "source_namespace": "shop",
        "source_port": None,
        "source_type": "wep",
        "source_labels": {"labels": ["pod-template-hash=5bdcdd9c97", "app=web"]},
        "dest_ip": None,
        "dest_name": "-",
        "dest_name_aggr": "coredns-576cbf47c7-*",
        "dest_namespace": "kube-system",
        "dest_port": 53,
        "dest_type": "wep",
        "dest_labels": {"labels": ["k8s-app=kube-dns"]},
        "proto": "udp",
        "action": "allow",
        "reporter": "dst",
        "policies": {"all_policies": ["0|default|allow"]},
        "num_flows": 41,
        **changes,
    }


def test_calico() -> None:
    found = one(calico())
    assert found.source == End(
        namespace="shop", pod="web-5bdcdd9c97-*", labels=(("app", "web"), ("pod-template-hash", "5bdcdd9c97"))
    )
    assert found.destination.pod == "coredns-576cbf47c7-*"
    assert (found.protocol, found.port, found.verdict, found.count, found.side) == ("UDP", 53, True, 41, "")
    assert (found.time, found.until) == (1577834657.0, 1577834965.0)


@pytest.mark.parametrize(
    ("changes", "verdict", "side"),
    [
        ({"reporter": "src"}, True, "egress"),
        ({"reporter": "src", "action": "deny"}, False, "egress"),
        ({"action": "deny"}, False, "ingress"),
        (
            {
                "reporter": "src",
                "dest_type": "net",
                "dest_name_aggr": "pub",
                "dest_namespace": "-",
                "dest_labels": None,
            },
            True,
            "",
        ),
    ],
)
def test_calico_reporters_speak_for_their_side(changes: Json, verdict: bool, side: str) -> None:
    found = one(calico(**changes))
    assert (found.verdict, found.side) == (verdict, side)


def test_calico_networks() -> None:
    outside = {"source_type": "net", "source_name_aggr": "pvt", "source_namespace": "-", "source_labels": None}
    assert one(calico(**outside)).source == End(what=WORLD, workload="pvt")
    assert one(calico(**outside, source_ip="10.9.9.9")).source == End(what=WORLD, ip="10.9.9.9")
    node = one(calico(source_type="hep", source_name="n1", source_namespace="-", source_labels=None)).source
    assert node == End(what=HOST, workload="n1")


def test_whisker() -> None:
    written = {
        "start_time": "2026-11-20T09:00:00Z",
        "end_time": "2026-11-20T09:00:15Z",
        "action": "Deny",
        "source_name": "web-*",
        "source_namespace": "shop",
        "source_labels": "app=web | tier=front",
        "dest_name": "db-*",
        "dest_namespace": "data",
        "dest_labels": "app=db",
        "protocol": "tcp",
        "dest_port": 5432,
        "reporter": "Dst",
        "policies": {"enforced": [], "pending": []},
    }
    found = one(written)
    assert found.source.labels == (("app", "web"), ("tier", "front"))
    assert (found.verdict, found.side, found.protocol, found.time) == (False, "ingress", "TCP", 1795165200.0)
    listed = read(json.dumps({"total": 2, "items": [written, written]}) + "\n")
    assert [item.port for item in listed if isinstance(item, FlowRecord)] == [5432, 5432]


GOLDMANE: Json = {
    "Key": {
        "source_name": "web-*",
        "source_namespace": "shop",
        "source_type": 1,
        "dest_name": "db-*",
        "dest_namespace": "data",
        "dest_type": 1,
        "dest_port": 5432,
        "proto": "tcp",
        "reporter": 2,
        "action": 1,
    },
    "start_time": 1795165200,
    "end_time": 1795165215,
    "source_labels": ["app=web"],
    "dest_labels": ["app=db"],
    "num_connections_started": 3,
    "num_connections_live": 1,
}
GOLDMANE_PROTOJSON: Json = {
    "id": "7",
    "flow": {
        "Key": {
            "sourceName": "web-*",
            "sourceNamespace": "shop",
            "sourceType": "WorkloadEndpoint",
            "destName": "db-*",
            "destNamespace": "data",
            "destType": "WorkloadEndpoint",
            "destPort": "5432",
            "proto": "tcp",
            "reporter": "Dst",
            "action": "Allow",
        },
        "startTime": "1795165200",
        "endTime": "1795165215",
        "sourceLabels": ["app=web"],
        "destLabels": ["app=db"],
        "numConnectionsStarted": "3",
    },
}


def test_goldmane() -> None:
    found = one(GOLDMANE)
    assert found.source == End(namespace="shop", pod="web-*", labels=(("app", "web"),))
    assert (found.protocol, found.port, found.verdict, found.count, found.side) == ("TCP", 5432, True, 3, "")
    assert (found.time, found.until) == (1795165200.0, 1795165215.0)
    assert one(GOLDMANE_PROTOJSON) == found
    (listed,) = read(json.dumps({"flows": [{"id": 1, "flow": GOLDMANE}], "meta": {}}))
    assert listed == found


def test_goldmane_lists_as_grpcurl_prints_them() -> None:
    text = json.dumps(GOLDMANE_PROTOJSON, indent=2) + "\n" + json.dumps(GOLDMANE_PROTOJSON, indent=2) + "\n"
    first, second = read(text)
    assert isinstance(first, FlowRecord)
    assert isinstance(second, FlowRecord)
    assert (first.port, first.line, second.line) == (5432, 1, text.count("\n") // 2 + 1)


# -- lines of text -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "time"),
    [
        ("TCP connection from 10.32.0.7:56648 to 10.32.0.11:80 blocked by Weave NPC.", None),
        (
            "WARN: 2021/05/12 02:47:10.232988 TCP connection from 10.32.0.7:56648 to 10.32.0.11:80 blocked by Weave NPC.",
            1620787630.232988,
        ),
        (
            'time="2021-05-12T02:47:10Z" level=warning msg="TCP connection from 10.32.0.7:56648 to 10.32.0.11:80 blocked by Weave NPC."',
            1620787630.0,
        ),
        (
            "Nov 08 03:22:19 w x[1]: WARN: 2021/05/12 02:47:10.232988 TCP connection from 10.32.0.7:56648 to 10.32.0.11:80 "  # noqa: ISC004
            "blocked by Weave NPC.",
            1620787630.232988,
        ),
    ],
)
def test_weave(line: str, time: float | None) -> None:
    found = one(line)
    assert (found.source.ip, found.destination.ip, found.protocol, found.port) == ("10.32.0.7", "10.32.0.11", "TCP", 80)
    assert (found.verdict, found.time) == (False, time)


def test_weave_udp_and_ipv6() -> None:
    found = one("UDP connection from fd00::7:56648 to fd00::b:53 blocked by Weave NPC.")
    assert (found.source.ip, found.destination.ip, found.protocol, found.port) == ("fd00::7", "fd00::b", "UDP", 53)


def test_weave_tells_its_other_lines() -> None:
    text = (
        "INFO: 2021/05/12 02:47:09.100000 EVENT AddPod {}\n"
        "TCP connection from <unknown IP>:1 to 10.32.0.11:80 blocked by Weave NPC.\n"
        "ICMP connection from 10.0.0.1:1 to 10.32.0.11:80 blocked by Weave NPC.\n"
        "junk blocked by Weave NPC\n"
    )
    assert slugs(read(text)) == ["flow-not-a-connection", "flow-malformed", "flow-other-protocol", "flow-malformed"]


TUPLES = "src=10.0.0.1 dst=10.96.0.9 sport=47414 dport=80 "
ANSWER = "src=10.0.0.2 dst=10.0.0.1 sport=8080 dport=47414"


@pytest.mark.parametrize(
    "line",
    [
        f"tcp      6 431999 ESTABLISHED {TUPLES}{ANSWER} [ASSURED] mark=0 use=1",
        f"ipv4     2 tcp      6 431999 ESTABLISHED {TUPLES}packets=2 bytes=112 {ANSWER} packets=1 bytes=60 [ASSURED] mark=0 zone=0 use=2",
        f"tcp      6 431999 ESTABLISHED {TUPLES}packets=2 bytes=112 {ANSWER} packets=1 bytes=60 [ASSURED] mark=0 delta-time=0 use=1",
    ],
)
def test_conntrack_lists(line: str) -> None:
    found = one(line)
    assert (found.source.ip, found.destination.ip, found.port) == ("10.0.0.1", "10.0.0.2", 8080), (
        "after the translation"
    )
    assert (found.protocol, found.verdict, found.count, found.time) == ("TCP", True, 1, None)


EVENTS = (
    f"[1795450109.687876]\t    [NEW] ipv4     2 tcp      6 120 SYN_SENT {TUPLES}[UNREPLIED] {ANSWER} id=825004642\n"
    f"[1795450109.687929]\t [UPDATE] ipv4     2 tcp      6 60 SYN_RECV {TUPLES}{ANSWER} id=825004642\n"
    f"[1795450109.687940]\t [UPDATE] ipv4     2 tcp      6 432000 ESTABLISHED {TUPLES}{ANSWER} [ASSURED] id=825004642\n"
    f"[1795450110.076000]\t[DESTROY] ipv4     2 tcp      6 9 CLOSE {TUPLES}packets=1 bytes=49 {ANSWER} packets=0 bytes=0 "
    "delta-time=1 [start=Mon Nov 23 16:08:29 2026] [stop=Mon Nov 23 16:08:30 2026] id=825004642\n"
)


def test_conntrack_counts_a_connection_once() -> None:
    found = read(EVENTS)
    records = [item for item in found if isinstance(item, FlowRecord)]
    assert [(item.count, item.verdict) for item in records] == [(1, None), (0, True)]
    assert slugs(found) == ["", "", "flow-not-a-connection", "flow-not-a-connection"]
    again = read(EVENTS + EVENTS)
    assert sum(item.count for item in again if isinstance(item, FlowRecord)) == 2, "NEW begins another one"


def test_conntrack_destroy_alone_counts() -> None:
    found = one(EVENTS.splitlines()[3])
    assert (found.count, found.verdict, found.time, found.until) == (1, True, 1795450109.0, 1795450110.0)


def test_conntrack_without_times_and_other_protocols() -> None:
    text = (
        "conntrack v1.4.7 (conntrack-tools): 9 flow entries have been shown.\n"
        "icmp     1 29 src=10.0.0.1 dst=10.0.0.2 type=8 code=0 id=7 src=10.0.0.2 dst=10.0.0.1 type=0 code=0 id=7 use=1\n"
        f"    [NEW] udp      17 30 {TUPLES}[UNREPLIED] {ANSWER}\n"
    )
    found = read(text)
    assert slugs(found) == ["flow-not-a-connection", "flow-other-protocol", ""]
    assert isinstance(found[2], FlowRecord)
    assert (found[2].protocol, found[2].verdict) == ("UDP", None)


PACKET = "IN=cali1 OUT=cali2 MAC=aa:bb SRC=10.0.0.1 DST=10.0.0.2 LEN=60 TOS=0x00 PREC=0x00 TTL=63 ID=1 DF "
SYN = PACKET + "PROTO=TCP SPT=43210 DPT=8080 WINDOW=64240 RES=0x00 SYN URGP=0"


@pytest.mark.parametrize(
    ("head", "verdict", "note", "time"),
    [
        ("[12345.678901] DROP: ", False, "DROP:", None),
        ("2026-11-20T09:00:00.5+00:00 n1 kernel: [12345.678901] [UFW BLOCK] ", False, "[UFW BLOCK]", 1795165200.5),
        ("Nov 20 09:00:00 n1 kernel: IPTables-Accepted: ", True, "IPTables-Accepted:", 1795165200.0),
        ("Nov 20 09:00:00 block01 deny  ", False, "deny", 1795165200.0),
        ("Nov 20 09:00:00 block01 ", None, "", 1795165200.0),
        ("2026-11-20T09:00:00,500000+00:00 DROP: ", False, "DROP:", 1795165200.5),
        ("[Fri Nov 20 09:00:00 2026] DROP: ", False, "DROP:", 1795165200.0),
        ("kernel: FORWARD DROP accept ", None, "FORWARD DROP accept", None),
        ("kernel: ", None, "", None),
    ],
)
def test_kernel(head: str, verdict: bool | None, note: str, time: float | None) -> None:
    found = one(head + SYN, year=2026)
    assert (found.source.ip, found.destination.ip, found.protocol, found.port) == ("10.0.0.1", "10.0.0.2", "TCP", 8080)
    assert (found.verdict, found.note, found.time, found.count) == (verdict, note, time, 1)


def test_kernel_without_the_year() -> None:
    record, found = read(f"Nov 20 09:00:00 n1 kernel: {SYN}\n")
    assert isinstance(record, FlowRecord)
    assert isinstance(found, Problem)
    assert (record.time, found.slug) == (None, "flow-bad-time")


@pytest.mark.parametrize(
    ("ports", "port", "turned"),
    [
        ("PROTO=TCP SPT=8080 DPT=43210 WINDOW=1 RES=0x00 ACK SYN URGP=0", 8080, True),
        ("PROTO=TCP SPT=8080 DPT=43210 WINDOW=1 RES=0x00 ACK URGP=0", 8080, True),
        ("PROTO=TCP SPT=43210 DPT=8080 WINDOW=1 RES=0x00 ACK URGP=0", 8080, False),
        ("PROTO=TCP SPT=80 DPT=43210 WINDOW=1 RES=0x00 SYN URGP=0", 43210, False),
        ("PROTO=UDP SPT=53 DPT=43210 LEN=40", 53, True),
        ("PROTO=UDP SPT=43210 DPT=53 LEN=40", 53, False),
    ],
)
def test_kernel_turns_replies_around(ports: str, port: int, turned: bool) -> None:
    found = one(PACKET + ports)
    assert (found.port, found.source.ip) == (port, "10.0.0.2" if turned else "10.0.0.1")


def test_kernel_icmp_errors_quote_other_packets() -> None:
    quoted = "[SRC=10.0.0.1 DST=10.0.0.2 LEN=60 PROTO=TCP SPT=1 DPT=2 ]"
    text = (
        f"{SYN}\nIN=a OUT=b SRC=10.0.0.9 DST=10.0.0.1 LEN=88 PROTO=ICMP TYPE=3 CODE=3 {quoted}\nkernel: usb 1-1 reset\n"
    )
    assert slugs(read(text)) == ["", "flow-other-protocol", "flow-not-a-connection"]


ULOGD: Json = {
    "timestamp": "2026-11-23T16:17:12.244314",
    "dvc": "Netfilter",
    "raw.pktlen": 60,
    "oob.prefix": "deny ",
    "oob.time.sec": 1795450632,
    "oob.time.usec": 244314,
    "raw.label": 0,
    "ip.protocol": 6,
    "src_port": 41978,
    "dest_port": 8080,
    "tcp.ack": 0,
    "tcp.syn": 1,
    "src_ip": "10.0.0.1",
    "dest_ip": "10.0.0.2",
}
ULOGD_CONNECTION: Json = {
    "timestamp": "2026-11-23T16:18:31",
    "orig.ip.protocol": 6,
    "orig.l4.sport": 58482,
    "orig.l4.dport": 80,
    "reply.ip.protocol": 6,
    "reply.l4.sport": 8080,
    "reply.l4.dport": 58482,
    "reply.raw.pktcount": 3,
    "ct.id": 333627885,
    "ct.event": 4,
    "flow.start.sec": 1795450709,
    "flow.start.usec": 465984,
    "flow.end.sec": 1795450711,
    "src_ip": "10.0.0.1",
    "dest_ip": "10.96.0.9",
    "reply.ip.saddr.str": "10.0.0.2",
}


def test_ulogd() -> None:
    found = one(ULOGD)
    assert (found.source.ip, found.destination.ip, found.protocol, found.port) == ("10.0.0.1", "10.0.0.2", "TCP", 8080)
    assert (found.verdict, found.note) == (False, "deny")
    assert found.time == pytest.approx(1795450632.244314)
    assert one({**ULOGD, "action": "allowed"}).verdict is True
    assert one({**ULOGD, "tcp.ack": 1, "tcp.syn": 1, "src_port": 80, "dest_port": 50000}).port == 80
    assert problem({**ULOGD, "ip.protocol": 1}).slug == "flow-other-protocol"


def test_ulogd_connections() -> None:
    found = one(ULOGD_CONNECTION)
    assert (found.source.ip, found.destination.ip, found.port) == ("10.0.0.1", "10.0.0.2", 8080)
    assert (found.verdict, found.count, found.until) == (True, 1, 1795450711.0)
    begun = {**ULOGD_CONNECTION, "ct.event": 1, "reply.raw.pktcount": 0}
    both = read("".join(json.dumps(line) + "\n" for line in (begun, ULOGD_CONNECTION)))
    assert [(item.count, item.verdict) for item in both if isinstance(item, FlowRecord)] == [(1, None), (0, True)]


CSV = """time,Source IP,src_namespace,src-pod,dest_ip,dst_port,proto,action,num_flows
2026-11-20T09:00:00Z,10.0.0.1,shop,web-1,10.0.0.2,8080,tcp,ALLOW,3
1795165200,10.0.0.1,,,10.0.0.2,53,17,deny,
x,10.0.0.1,,,10.0.0.2,"53",udp,,1
,10.0.0.1,,,10.0.0.2,0,udp,,1
,10.0.0.1,,,10.0.0.2,53,icmp,,1
,10.0.0.1,,,10.0.0.2,53,udp,perhaps,1
,10.0.0.1
"""


def test_csv() -> None:
    found = read(CSV)
    assert slugs(found) == [
        "",
        "",
        "",
        "flow-bad-time",
        "flow-malformed",
        "flow-other-protocol",
        "flow-malformed",
        "flow-malformed",
    ]
    first, second = found[:2]
    assert isinstance(first, FlowRecord)
    assert isinstance(second, FlowRecord)
    assert first.source == End(namespace="shop", pod="web-1", ip="10.0.0.1")
    assert (first.time, first.count, first.verdict, first.port) == (1795165200.0, 3, True, 8080)
    assert (second.protocol, second.verdict, second.count, second.time) == ("UDP", False, 1, 1795165200.0)


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("src;dst;port\nshop/web;10.0.0.2;80\n", End(namespace="shop", pod="web")),
        ("from\tto\tport\nshop/Deployment/web\t10.0.0.2\t80\n", End(namespace="shop", workload="Deployment/web")),
        ("source|destination|dport\nfd00::1|10.0.0.2|80\n", End(ip="fd00::1")),
        (
            "src_labels,src_ns,dst,port\napp=web;tier=a,shop,10.0.0.2,80\n",
            End(namespace="shop", labels=(("app", "web"), ("tier", "a"))),
        ),
    ],
)
def test_csv_columns(text: str, source: End) -> None:
    (found,) = read(text)
    assert isinstance(found, FlowRecord)
    assert (found.source, found.destination.ip, found.port, found.protocol) == (source, "10.0.0.2", 80, "TCP")


def test_jsonl() -> None:
    written = {
        "src": {"namespace": "shop", "pod": "web"},
        "dst": {"labels": {"app": "db"}, "namespace": "data"},
        "port": 5432,
        "verdict": "denied",
        "time": "2026-11-20T10:00:00+01:00",
        "count": 4,
    }
    found = one(written)
    assert found.source == End(namespace="shop", pod="web")
    assert found.destination == End(namespace="data", labels=(("app", "db"),))
    assert (found.protocol, found.verdict, found.time, found.count) == ("TCP", False, 1795165200.0, 4)
    assert one({**written, "src": {"pod": "web"}}).source.namespace == "default"
    assert one({**written, "verdict": True, "allowed": "unknown"}).verdict is True


@pytest.mark.parametrize(
    "changes",
    [
        {"src": {}},
        {"port": "http"},
        {"count": -1},
        {"count": 10**30},
        {"verdict": "x"},
        {"src": {"ip": 5}},
        {"port": True},
        {"src": {"pod": "x" * 600}},
        {"src": {"labels": {"x" * 600: ""}}},
        {"src": {"labels": {str(n): "" for n in range(600)}}},
    ],
)
def test_jsonl_tells_what_is_wrong(changes: Json) -> None:
    written = {"src": {"ip": "10.0.0.1"}, "dst": {"ip": "10.0.0.2"}, "port": 80, **changes}
    assert problem(written, "jsonl").slug == "flow-malformed"


# -- streams -----------------------------------------------------------------------------------------------------------


def test_formats_are_those_of_the_folder() -> None:
    assert formats() == ["calico", "conntrack", "csv", "goldmane", "hubble", "jsonl", "kernel", "ulogd", "weave"]
    with pytest.raises(UsageError, match="pcap"):
        read_flows([], "pcap")


def test_the_format_is_known_once_a_line_is() -> None:
    text = (
        "\ufeff\nhello\n"
        + json.dumps(hubble())
        + "\n\nTCP connection from 1.2.3.4:5 to 1.2.3.5:6 blocked by Weave NPC.\n"
    )
    assert slugs(read(text)) == ["flow-unrecognised", "", "flow-malformed"]


def test_a_last_line_that_is_cut() -> None:
    whole = json.dumps(hubble())
    for at in (1, 20, len(whole) // 2, len(whole) - 1):
        assert slugs(read(f"{whole}\n{whole[:at]}")) == ["", "flow-truncated"]
    assert slugs(read(f"{whole}\n{whole}")) == ["", ""]
    assert slugs(read(whole)) == [""], "one line without an end is whole"


def test_a_port_that_is_cut_is_no_port() -> None:
    line = f"tcp      6 431999 ESTABLISHED {TUPLES}{ANSWER}"
    assert slugs(read(f"{line}\n{line[:-2]}")) == ["", "flow-truncated"]
    assert slugs(read(f"{SYN}\n{SYN[: SYN.index('DPT=') + 6]}")) == ["", "flow-not-a-connection"]


def test_lines_without_ends_are_whole() -> None:
    lines = [line.encode() for line in EVENTS.splitlines()]
    assert slugs(read_flows(lines)) == slugs(read(EVENTS))


def test_lines_that_are_too_long() -> None:
    whole = json.dumps(hubble())
    long = json.dumps(hubble(Summary="x" * 3_000_000))
    found = read(f"{whole}\n{long}\n{whole}\n")
    assert slugs(found) == ["", "flow-too-long", ""]
    assert [item.line for item in found] == [1, 2, 3]


def test_values_over_many_lines_are_bounded() -> None:
    text = '{\n  "flow":\n' + '"x",\n' * 100
    assert slugs(read(text)) == ["flow-truncated"]
    assert slugs(read(text, document_bytes=100))[0] == "flow-too-long"
    pretty = json.dumps(hubble(), indent=2)
    assert slugs(read(f"{pretty[:200]}\n{pretty}\n")) == ["flow-truncated", ""]
    assert slugs(read(f"[\n{pretty}\n,\n{pretty}\n]\n".replace("\n{", "\n {").replace("\n}", "\n }"))) == ["", ""]


def test_depth_is_bounded() -> None:
    deep = '{"flow":{"l4":' + '{"x":' * 100_000 + "1" + "}" * 100_002
    assert slugs(read(f"{json.dumps(hubble())}\n{deep}\n")) == ["", "flow-malformed"]


SAMPLES = {
    "hubble": json.dumps(hubble()),
    "calico": json.dumps(calico()),
    "goldmane": json.dumps(GOLDMANE),
    "ulogd": json.dumps(ULOGD),
    "jsonl": '{"src":{"ip":"10.0.0.1"},"dst":{"ip":"10.0.0.2"},"port":80,"time":1795165200}',
    "weave": "WARN: 2021/05/12 02:47:10.232988 TCP connection from 10.32.0.7:56648 to 10.32.0.11:80 blocked by Weave NPC.",
    "conntrack": EVENTS.splitlines()[3],
    "kernel": f"Nov 20 09:00:00 n1 kernel: {SYN}",
    "csv": "source_ip,dest_ip,port\n10.0.0.1,10.0.0.2,80",
}


@pytest.mark.parametrize("name", SAMPLES)
@given(data=st.data())
def test_flipped_bytes_are_told(name: str, data: st.DataObject) -> None:
    """Whatever a line becomes, each is a flow or a problem, and the line after it is read as ever."""
    whole = SAMPLES[name].encode()
    line = bytearray(whole.splitlines()[-1])
    for _ in range(data.draw(st.integers(1, 4))):
        line[data.draw(st.integers(0, len(line) - 1))] = data.draw(st.integers(0, 255))
    broken = bytes(line).replace(b"\n", b" ").replace(b"\r", b" ")
    found = read(whole + b"\n" + broken + b"\n" + whole.splitlines()[-1] + b"\n", name, year=2026)
    number = whole.count(b"\n")
    at = {item.line for item in found}
    assert number + 1 in at
    assert number + 3 in at
    assert number + 2 in at or not broken.strip()
    assert all(1 <= item.port <= 65535 for item in found if isinstance(item, FlowRecord))


@given(st.binary(max_size=400))
def test_garbage_is_told(data: bytes) -> None:
    for name in ("auto", *formats()):
        for item in read(data, name):
            assert isinstance(item, Problem) or 1 <= item.port <= 65535
