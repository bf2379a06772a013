"""Recorded flows against proposed policies: outcomes, counts, who is meant, and the command."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit.network.helpers import PODS, policy, world_of
from thwart.lib.intervals import parse_block
from thwart.network.engine import Model
from thwart.network.explain import Directory
from thwart.network.flowlogs import HOST, SERVICE, WORLD, End, FlowRecord, Problem
from thwart.network.flowlogs.judging import GrowingJudge, Judge, prepare
from thwart.network.replay import CUT, KEPT, OPENED, STILL, UNKNOWN, UNMATCHED, Seen, Simulation, simulate
from thwart.network.replay.formats import MEMBERS

Json = dict[str, Any]
WEB, DB, OTHER = (End(namespace=n, pod=p) for n, p in (("a", "web"), ("a", "db"), ("b", "web")))
ANY = End(ip="203.0.113.7")
DENY_DB = policy(
    "{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {}}], ports: [{port: 9090}]}]}"
)


def record(source: End = WEB, destination: End = DB, port: int = 9090, **more: Any) -> FlowRecord:
    return FlowRecord(source=source, destination=destination, protocol=more.pop("protocol", "TCP"), port=port, **more)


def judge_of(world: str, ends: list[End] | None = None, pods_in: str = "") -> Judge:
    model = Model(world_of(world))
    return prepare(model, Directory(model), ends or [], (parse_block(pods_in),) if pods_in else ())


def replay(records: list[FlowRecord | Problem], proposed: str, current: str = "", pods_in: str = "") -> Simulation:
    seen = Seen()
    seen.collect("log", records)
    ends = [end for one in records if isinstance(one, FlowRecord) for end in (one.source, one.destination)]
    before = judge_of(PODS + current, ends, pods_in) if current else None
    return simulate(seen, judge_of(PODS + proposed, ends, pods_in), before)


def outcome(one: FlowRecord, proposed: str = DENY_DB, **more: str) -> str:
    (found,) = replay([one], proposed, **more).replayed
    return found.outcome


# -- outcomes ----------------------------------------------------------------------------------------------------------


def test_what_would_be_cut_and_why() -> None:
    records: list[FlowRecord | Problem] = [
        record(OTHER, time=100.0, count=2, verdict=True),
        record(OTHER, time=50.0, verdict=True),
        record(OTHER, time=70.0, until=400.0, verdict=True),
        record(),
    ]
    found = replay(records, DENY_DB)
    cut, kept = found.replayed
    assert (cut.outcome, cut.source, cut.destination, cut.protocol, cut.port) == (
        CUT,
        "b/Pod/web",
        "a/Pod/db",
        "TCP",
        9090,
    )
    assert (cut.times, cut.records, cut.first, cut.last, cut.dropped) == (4, 3, 50.0, 400.0, 0)
    (reason,) = cut.because
    assert (reason.policy, reason.effect, reason.direction, reason.path) == ("p", "isolates", "ingress", "w.yaml")
    assert reason.line > 0
    assert kept.outcome == KEPT
    assert found.cuts
    assert found.flows == {CUT: 1, UNKNOWN: 0, UNMATCHED: 0, OPENED: 0, STILL: 0, KEPT: 1}


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (record(OTHER, verdict=True), CUT),
        (record(OTHER), CUT),
        (record(OTHER, verdict=False), STILL),
        (record(verdict=False), OPENED),
        (record(verdict=True), KEPT),
        (record(OTHER, protocol="UDP", port=53), CUT),
        (record(port=9091), CUT),
        (record(ANY), CUT),
        (record(DB, DB), KEPT),
        (record(End(namespace="a", pod="nobody")), UNMATCHED),
        (record(ANY, End(ip="198.51.100.1")), UNMATCHED),
        (record(End(ip="not an address")), UNMATCHED),
    ],
)
def test_outcomes_by_what_the_recorder_saw(one: FlowRecord, expected: str) -> None:
    assert outcome(one) == expected


def test_outcomes_by_the_policies_of_today() -> None:
    """Where today's policies are known, they and not the recorder say what is new."""
    other = policy("{podSelector: {matchLabels: {app: db}}}", "today")
    assert outcome(record(OTHER, verdict=True), current=other) == STILL
    assert outcome(record(verdict=True), current=other) == OPENED
    assert outcome(record(OTHER, verdict=False), current=policy("{podSelector: {matchLabels: {app: web}}}", "w")) == CUT


def test_ends_that_report_the_same_flow_are_not_summed() -> None:
    records: list[FlowRecord | Problem] = [
        record(OTHER, verdict=True, side="egress", count=5),
        record(OTHER, verdict=True, count=5),
    ]
    assert replay(records, DENY_DB).replayed[0].times == 5
    denied: list[FlowRecord | Problem] = [
        record(OTHER, verdict=True, side="egress", count=5),
        record(OTHER, verdict=False, side="ingress", count=5),
    ]
    (found,) = replay(denied, DENY_DB).replayed
    assert (found.outcome, found.times, found.dropped) == (STILL, 5, 5)


def test_unknown_policies_make_unknown_outcomes() -> None:
    odd = "---\n{apiVersion: crd.antrea.io/v1beta1, kind: NetworkPolicy, metadata: {name: x, namespace: a}, spec: {}}\n"
    found = replay([record()], odd)
    assert (found.replayed[0].outcome, found.uncertain, found.cuts) == (UNKNOWN, True, False)


def test_lines_that_are_no_flows_are_counted_by_kind() -> None:
    bad = [Problem(line=n, slug="flow-malformed", message=f"m{n}") for n in (3, 4)]
    found = replay([*bad, record()], "")
    (trouble,) = found.troubles
    assert (trouble.count, trouble.line, trouble.message, trouble.file) == (2, 3, "m3", "log")
    assert found.uncertain
    harmless = Problem(line=1, slug="flow-other-protocol", message="m", incomplete=False)
    assert not replay([harmless, record()], "").uncertain


def test_equal_flows_of_several_logs_are_one() -> None:
    seen = Seen()
    for name in ("one", "two"):
        seen.collect(name, [record(End(namespace="b", pod="web"), End(namespace="a", pod="db"), time=1.0)])
    (found,) = simulate(seen, judge_of(PODS + DENY_DB)).replayed
    assert (found.times, found.records) == (2, 2)


# -- who is meant ------------------------------------------------------------------------------------------------------

DEPLOYED = """
{apiVersion: apps/v1, kind: Deployment, metadata: {name: api, namespace: a}, spec: {template: {metadata: {labels: {app: api, tier: x}}}}}
---
{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: pg, namespace: a}, spec: {template: {metadata: {labels: {app: pg}}}}}
---
{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: log, namespace: a}, spec: {template: {metadata: {labels: {app: log}}}}}
---
{apiVersion: batch/v1, kind: CronJob, metadata: {name: tick, namespace: a}, spec: {jobTemplate: {spec: {template: {metadata: {labels: {app: tick}}}}}}}
---
{apiVersion: v1, kind: Service, metadata: {name: pg, namespace: a}, spec: {clusterIP: 10.96.0.5, selector: {app: pg}, ports: [{port: 80, targetPort: 5432}]}}
---
{apiVersion: v1, kind: Node, metadata: {name: n1}, status: {addresses: [{type: InternalIP, address: 192.0.2.1}]}}
"""
CLASSES = "".join(
    policy(f"{{podSelector: {{matchLabels: {{app: {app}}}}}}}", app) for app in ("api", "pg", "log", "tick")
)


@pytest.mark.parametrize(
    ("end", "label"),
    [
        (End(namespace="a", pod="api-5d4f8c7b6-x2x4w"), "a/Deployment/api"),
        (End(namespace="a", pod="api-5d4f8c7b6-*"), "a/Deployment/api"),
        (End(namespace="a", pod="api-*"), "a/Deployment/api"),
        (End(namespace="a", pod="pg-0"), "a/StatefulSet/pg"),
        (End(namespace="a", pod="pg-*"), "a/StatefulSet/pg"),
        (End(namespace="a", pod="log-x2x4w"), "a/DaemonSet/log"),
        (End(namespace="a", pod="tick-29012345-x2x4w"), "a/CronJob/tick"),
        (End(namespace="a", pod="gone-1", workload="Deployment/api"), "a/Deployment/api"),
        (End(namespace="a", pod="gone-1", workload="api"), "a/Deployment/api"),
        (End(namespace="a", labels=(("app", "api"),)), "a/Deployment/api"),
        (End(namespace="a", labels=(("app", "api"), ("pod-template-hash", "z"), ("tier", "x"))), "a/Deployment/api"),
        (End(ip="192.0.2.1"), "(node) n1"),
        (End(ip="192.0.2.1", what=HOST), "(node) n1"),
        (End(workload="n1", what=HOST), "(node) n1"),
        (End(ip="203.0.113.7"), "(outside)"),
        (End(ip="10.9.9.9", what=WORLD), "(outside)"),
        (End(what=WORLD, workload="pub"), "(outside) pub"),
        (End(ip="10.96.0.5"), "a/Service/pg"),
        (End(namespace="a", workload="Service/pg", ip="10.96.0.5", what=SERVICE), "a/Service/pg"),
    ],
)
def test_who_is_meant(end: End, label: str) -> None:
    judge = judge_of(DEPLOYED + CLASSES)
    found = judge.matcher.find(end)
    assert (found.label, found.why) == (label, "")


@pytest.mark.parametrize(
    ("end", "why"),
    [
        (End(namespace="a", pod="api-5d4f8c7b6-x2x4e"), "there is no pod"),
        (End(namespace="b", pod="pg-0"), "there is no pod"),
        (End(ip="10.9.9.9"), "may be one of 4 pods and workloads without an address"),
        (End(ip="10.9.9.9", what=HOST), "no node has the address"),
        (End(workload="n9", what=HOST), "there is no node n9"),
        (End(namespace="a", workload="Service/x", what=SERVICE), "there is no service"),
        (End(namespace="a"), "neither name nor address"),
        (End(namespace="a", labels=(("zone", "z"),)), "no pod of namespace a has the labels"),
        (End(labels=(("app", "api"),)), "namespace"),
    ],
)
def test_who_is_not_known(end: End, why: str) -> None:
    assert why in judge_of(DEPLOYED + CLASSES).matcher.find(end).why


def test_labels_that_fit_several() -> None:
    two = (
        DEPLOYED
        + "---"
        + DEPLOYED.split("---")[1].replace("name: pg", "name: api2").replace("app: pg", "app: pg, tier: x")
    )
    found = judge_of(two + CLASSES).matcher.find(End(namespace="a", labels=(("tier", "x"),)))
    assert "fit several that policies tell apart: Deployment/api, StatefulSet/api2" in found.why


def test_a_name_decides_before_an_address() -> None:
    """Addresses are given to other pods in time."""
    judge = judge_of(PODS)
    assert judge.matcher.find(End(namespace="a", pod="db", ip="10.0.0.1")).label == "a/Pod/db"
    assert judge.matcher.find(End(ip="10.0.0.1")).label == "a/Pod/web"


def test_addresses_given_to_pods_that_nobody_has() -> None:
    ipv4 = PODS.replace("status: {podIPs: [{ip: 10.1.0.1}]}", "status: {podIPs: [{ip: 10.1.0.1}]}")
    assert judge_of(ipv4).matcher.find(End(ip="10.0.0.99")).label == "(outside)", "every pod has its address here"
    assert "no pod has the address" in judge_of(ipv4, pods_in="10.0.0.0/8").matcher.find(End(ip="10.0.0.99")).why


def test_services_are_resolved() -> None:
    closed = policy(
        "{podSelector: {matchLabels: {app: pg}}, ingress: [{from: [{podSelector: {matchLabels: {app: api}}}]}]}", "in"
    )
    judge = judge_of(DEPLOYED + closed)
    service, api, log = End(ip="10.96.0.5"), End(namespace="a", pod="api-*"), End(namespace="a", pod="log-*")
    answers = [judge.judge(end, service, "TCP", 80).answer for end in (api, log)]
    assert [answer.allowed for answer in answers if answer] == [True, False]
    unknown = judge.judge(api, service, "TCP", 81).answer
    assert unknown is not None
    assert unknown.allowed is None


def test_addresses_outside_that_are_not_told() -> None:
    some = policy("{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}]}]}")
    judge = judge_of(PODS + some)
    allowed = {}
    for name in ("pub", "pvt", ""):
        answer = judge.judge(End(what=WORLD, workload=name), DB, "TCP", 80).answer
        assert answer is not None
        allowed[name] = answer.allowed
    assert allowed == {"pub": False, "pvt": None, "": None}, "192.168.0.0/16 is private too, and not allowed"


# -- pods that only the log describes ----------------------------------------------------------------------------------

REPORT = End(namespace="a", pod="report-1", labels=(("app", "report"),))


def test_pods_are_made_of_labels() -> None:
    allowed = policy(
        "{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {matchLabels: {app: report}}}]}]}"
    )
    assert outcome(record(REPORT), allowed) == KEPT
    assert outcome(record(REPORT), DENY_DB.replace("podSelector: {}", "podSelector: {matchLabels: {app: x}}")) == CUT
    elsewhere = End(namespace="new", labels=(("app", "report"),))
    found = replay([record(elsewhere)], DENY_DB)
    assert (found.replayed[0].outcome, found.made) == (CUT, ("new/Pod/app=report",))


def test_port_names_of_such_pods_are_not_known() -> None:
    named = policy("{podSelector: {matchLabels: {app: report}}, ingress: [{ports: [{port: http}]}]}")
    numbered = policy("{podSelector: {matchLabels: {app: report}}, ingress: [{ports: [{port: 80}]}]}")
    assert outcome(record(WEB, REPORT, 8080), named) == UNKNOWN
    assert outcome(record(WEB, REPORT, 8080), numbered) == CUT


def test_a_stream_makes_pods_as_it_meets_them() -> None:
    model = Model(world_of(PODS + DENY_DB))
    judge = GrowingJudge(model, Directory(model))
    first = judge.judge(REPORT, DB, "TCP", 9090).answer
    assert first is not None
    assert first.allowed is True
    assert judge.judge(End(namespace="a", pod="nobody"), DB, "TCP", 9090).answer is None


# -- the command -------------------------------------------------------------------------------------------------------


def thwart(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "thwart", "net", "simulate", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True)


def line(source: str, destination: str, port: int, **more: Any) -> str:
    ends = [dict(zip(("namespace", "pod"), text.split("/"), strict=True)) for text in (source, destination)]
    return json.dumps({"src": ends[0], "dst": ends[1], "port": port, **more}) + "\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pods.yaml").write_text(PODS)
    (tmp_path / "old.yaml").write_text(policy("{podSelector: {matchLabels: {app: db}}, ingress: [{}]}"))
    (tmp_path / "new.yaml").write_text(DENY_DB)
    text = line("b/web", "a/db", 9090, time=1795165200, count=3) + line("a/web", "a/db", 9090)
    (tmp_path / "flows.jsonl").write_text(text)
    return tmp_path


def simulated(folder: Path, *arguments: str, code: int) -> Json:
    done = thwart("--flows", str(folder / "flows.jsonl"), "-o", "json", *arguments)
    assert done.returncode == code, done.stderr
    found: Json = json.loads(done.stdout)
    return found


def test_command(folder: Path) -> None:
    state, new = str(folder / "pods.yaml"), str(folder / "new.yaml")
    found = simulated(folder, state, new, code=1)
    assert found["schema"] == "thwart-net-simulate-v1"
    assert found["flows"] == {"cut": 1, "unknown": 0, "unmatched": 0, "opened": 0, "denied": 0, "kept": 1}
    assert found["connections"]["cut"] == 3
    assert found["replayed"][0]["because"][0]["file"] == new
    assert simulated(folder, state, code=0)["flows"]["kept"] == 2


def test_added_policies_take_the_place_of_their_namesakes(folder: Path) -> None:
    state, old, new = (str(folder / name) for name in ("pods.yaml", "old.yaml", "new.yaml"))
    found = simulated(folder, "--add", new, state, old, code=1)
    assert (found["flows"]["cut"], found["compared"]) == (1, "policies")
    assert thwart("--flows", str(folder / "flows.jsonl"), state, old, new).returncode == 2, "without --add they clash"


def test_against_the_policies_of_today(folder: Path) -> None:
    state, old, new = (str(folder / name) for name in ("pods.yaml", "old.yaml", "new.yaml"))
    assert simulated(folder, "--against", old, state, new, code=1)["flows"]["cut"] == 1
    found = simulated(folder, "--against", new, state, new, code=0)
    assert (found["flows"]["cut"], found["flows"]["denied"]) == (0, 1)


def test_unmatched_and_unread_are_exit_3(folder: Path) -> None:
    (folder / "flows.jsonl").write_text(line("a/web", "a/nobody", 80) + "{broken\n")
    found = simulated(folder, str(folder / "pods.yaml"), code=3)
    assert found["flows"]["unmatched"] == 1
    assert found["replayed"][0]["why"] == "destination a/nobody: there is no pod or workload a/nobody"
    assert [one["slug"] for one in found["problems"]] == ["flow-malformed"]
    assert thwart("--flows", str(folder / "absent"), str(folder / "pods.yaml")).returncode == 4


def test_every_format(folder: Path) -> None:
    arguments = ("--flows", str(folder / "flows.jsonl"), str(folder))
    (folder / "old.yaml").unlink()
    texts = {name: thwart("-o", name, *arguments).stdout for name in MEMBERS.names()}
    assert sorted(texts) == ["csv", "json", "markdown", "text"]
    assert texts["text"].startswith(
        "would be cut:\n  b/Pod/web -> a/Pod/db, TCP 9090: 3 connections, at 2026-11-20 09:00:00Z\n"
    )
    rows = list(csv.DictReader(io.StringIO(texts["csv"])))
    assert [(row["outcome"], row["connections"]) for row in rows] == [("cut", "3"), ("kept", "1")]
    assert "| b/Pod/web | a/Pod/db | TCP 9090 | 3 connections |" in texts["markdown"]
    assert thwart("-o", "text", *arguments).stdout == texts["text"]


def test_names_of_strangers_do_no_harm(folder: Path) -> None:
    (folder / "old.yaml").unlink()
    hostile = {"src": {"namespace": "a", "pod": "=cmd|'\x1b[2J"}, "dst": {"namespace": "a", "pod": "db"}, "port": 80}
    (folder / "flows.jsonl").write_text(json.dumps(hostile) + "\n")
    arguments = ("--flows", str(folder / "flows.jsonl"), str(folder))
    assert "\x1b" not in thwart("-o", "text", *arguments).stdout
    assert "\\|" in thwart("-o", "markdown", *arguments).stdout


def test_flows_from_standard_input(folder: Path) -> None:
    text = (folder / "flows.jsonl").read_text()
    done = thwart("--flows", "-", str(folder / "pods.yaml"), str(folder / "new.yaml"), stdin=text)
    assert done.returncode == 1
    assert thwart("--flows", "-", "-", stdin=text).returncode == 2
