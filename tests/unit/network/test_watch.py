"""Flow logs watched: kinds of reports, windows and scores that can be checked by hand, baselines, bounds, the command."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.network.helpers import PODS, policy, world_of
from thwart.api.net._follow import follow
from thwart.core.errors import SourceError
from thwart.network import watching
from thwart.network.engine import Model
from thwart.network.explain import Directory
from thwart.network.flowlogs import End, FlowRecord, Problem
from thwart.network.flowlogs.judging import GrowingJudge, Judged
from thwart.network.watching import Watcher, windows
from thwart.network.watching.baseline import Baseline, Known, read_baseline
from thwart.network.watching.events import (
    DENIED,
    FAN_OUT,
    FORBIDDEN,
    HOLE,
    NEW,
    OUTAGE,
    PORT_SCAN,
    SWEEP,
    UNKNOWN,
    UNMATCHED,
    Event,
)
from thwart.network.watching.shown import json_line, text_line

Json = dict[str, Any]
WEB, DB, OTHER = (End(namespace=n, pod=p) for n, p in (("a", "web"), ("a", "db"), ("b", "web")))
IN_DB = policy("{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {}}]}]}", "in-db")
OUT_OTHER = policy("{podSelector: {}, policyTypes: [Egress], egress: []}", "out", "b")
ODD = "---\n{apiVersion: crd.antrea.io/v1beta1, kind: NetworkPolicy, metadata: {name: x, namespace: a}, spec: {}}\n"


def watcher(policies: str = IN_DB, **options: Any) -> Watcher:
    model = Model(world_of(PODS + policies))
    return Watcher(GrowingJudge(model, Directory(model)), **options)


def record(source: End = WEB, destination: End = DB, port: int = 80, **more: Any) -> FlowRecord:
    return FlowRecord(source=source, destination=destination, protocol="TCP", port=port, **more)


def watched(records: list[FlowRecord], by: Watcher | None = None) -> list[Event]:
    by = by or watcher()
    return [*(event for one in records for event in by.feed(one)), *by.finish()]


def kinds(records: list[FlowRecord], by: Watcher | None = None) -> list[str]:
    return [event.kind for event in watched(records, by)]


# -- single flows ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "policies", "expected"),
    [
        (record(verdict=True), IN_DB, []),
        (record(), IN_DB, []),
        (record(verdict=False), IN_DB, [OUTAGE]),
        (record(OTHER, verdict=False), IN_DB, [DENIED]),
        (record(OTHER), IN_DB, [DENIED]),
        (record(OTHER, verdict=True), IN_DB, [HOLE]),
        (
            record(OTHER, verdict=True, side="egress"),
            IN_DB,
            [],
        ),  # it has left its pod, and may be refused at the other end
        (record(OTHER, verdict=True, side="egress"), OUT_OTHER, [HOLE]),
        (record(OTHER, verdict=True), ODD, [UNKNOWN]),
        (record(OTHER, verdict=False), ODD, [UNKNOWN]),
        (record(End(namespace="a", pod="x"), verdict=True), IN_DB, [UNMATCHED]),
    ],
)
def test_kinds(one: FlowRecord, policies: str, expected: list[str]) -> None:
    assert kinds([one], watcher(policies)) == expected


def test_a_report_names_rule_and_line() -> None:
    (event,) = watched([record(OTHER, verdict=True, time=100.0, line=7)])
    assert (event.source, event.destination, event.protocol, event.port) == ("b/Pod/web", "a/Pod/db", "TCP", 80)
    assert (event.time, event.line, event.count) == (100.0, 7, 1)
    assert [(reason.policy, reason.path, reason.line > 0) for reason in event.because] == [("in-db", "w.yaml", True)]
    shown: Json = json.loads(json_line(event))
    assert (shown["schema"], shown["kind"], shown["time"]) == ("thwart-net-watch-v1", HOLE, "1970-01-01T00:01:40Z")
    assert "1970-01-01T00:01:40Z passed-though-denied: b/Pod/web -> a/Pod/db, TCP 80" in text_line(event)


def test_a_drop_that_policy_did_not_make_says_so() -> None:
    (event,) = watched([record(verdict=False, note="INVALID_SOURCE_IP")])
    assert (event.kind, "INVALID_SOURCE_IP" in event.message) == (OUTAGE, True)


def test_intents_forbid_what_policies_allow() -> None:
    def why(one: FlowRecord, judged: Judged) -> str | None:
        assert judged.answer is not None
        return "web must not reach port 81" if one.port == 81 else None

    by = watcher(forbidden=why)
    events = watched([record(port=80), record(port=81), record(OTHER, port=81, verdict=False)], by)
    assert [(event.kind, event.message) for event in events] == [
        (FORBIDDEN, "policies allow it, but web must not reach port 81"),
        (DENIED, "it was dropped, as policies say"),
    ]


def test_a_flow_is_told_again_after_a_while_with_its_count() -> None:
    by = watcher(repeat=100.0)
    times = [0.0, 10.0, 99.0, 100.0, 150.0, 300.0]
    events = [event for one in times for event in by.feed(record(OTHER, verdict=True, time=one, count=2))]
    assert [(event.time, event.count) for event in events] == [(0.0, 2), (100.0, 6), (300.0, 4)]
    untimed = [event for _ in range(3) for event in by.feed(record(OTHER, DB, 99, verdict=True))]
    assert len(untimed) == 1


def test_what_was_never_seen() -> None:
    usual = Baseline(300)
    usual.add(Known("a/Pod/web", "a/Pod/db", "TCP", 80))
    events = watched([record(), record(port=81), record(port=82, verdict=False)], watcher(baseline=usual))
    assert [(event.kind, event.port) for event in events] == [(NEW, 81), (OUTAGE, 82)]
    assert "policies allow it" in events[0].message


def test_addresses_outside_are_known_by_their_block() -> None:
    learned = Baseline(300)
    learner = watcher("", learn=learned)
    watched([record(DB, End(ip="203.0.113.7"), 443), record(End(ip="198.51.100.1"), DB, 80)], learner)
    events = watched(
        [
            record(DB, End(ip="203.0.113.99"), 443),
            record(DB, End(ip="203.0.114.1"), 443),
            record(End(ip="192.0.2.1"), DB, 80),
        ],
        watcher("", baseline=learned),
    )
    assert [(event.kind, event.destination) for event in events] == [(NEW, "(outside) 203.0.114.0/24")]


# -- windows and scores ------------------------------------------------------------------------------------------------


def ports(count: int, at: float | None = 0.0, **more: Any) -> list[FlowRecord]:
    return [record(port=1000 + number, time=at, **more) for number in range(count)]


def outside(count: int, at: float | None = 0.0, port: int = 22) -> list[FlowRecord]:
    return [record(DB, End(ip=f"203.0.113.{number}"), port, time=at) for number in range(count)]


def test_a_port_scan_without_a_baseline() -> None:
    assert kinds(ports(14)) == []
    (event,) = watched(ports(15, verdict=True))
    assert (event.kind, event.source, event.destination) == (PORT_SCAN, "a/Pod/web", "a/Pod/db")
    assert (event.time, event.until, event.count) == (0.0, 300.0, 15)
    assert event.score is not None
    assert (event.score.observed, event.score.arithmetic, event.score.learned) == (15, "15 >= 15", "nothing")
    assert event.examples[0] == "TCP 1000"
    assert event.note == "0 of 15 records were drops"


def test_a_sweep_explains_the_fan_out() -> None:
    (event,) = watched(outside(30), watcher(""))
    assert (event.kind, event.port, event.source) == (SWEEP, 22, "a/Pod/db")
    mixed = [one for number in range(30) for one in outside(30, port=2000 + number)[number : number + 1]]
    assert kinds(mixed, watcher("")) == [FAN_OUT]


def test_records_of_other_windows_do_not_add_up() -> None:
    apart = [one for number, one in enumerate(ports(20)) for one in [record(port=one.port, time=number * 300.0)]]
    assert kinds(apart) == []
    again = [record(port=1000 + number % 3, time=1.0) for number in range(100)]
    assert kinds(again) == [], "distinct ports count, not records"


def test_a_window_closes_once_another_lies_between() -> None:
    by = watcher()
    fed = [event.kind for one in ports(15, 10.0) for event in by.feed(one)]
    assert fed == []
    assert [event.kind for event in by.feed(record(time=599.0))] == []
    assert [event.kind for event in by.feed(record(time=600.0))] == [PORT_SCAN]
    assert list(by.finish()) == []


def test_the_order_within_the_open_windows_does_not_matter() -> None:
    mixed = ports(15, 10.0) + ports(3, 310.0)
    assert kinds(mixed) == kinds(list(reversed(mixed))) == [PORT_SCAN]


def test_late_records_are_counted() -> None:
    by = watcher()
    watched([record(time=1000.0), record(time=1.0)], by)
    assert (by.metrics.late, by.metrics.ahead) == (1, 0)


def test_a_clock_gone_wrong_closes_nothing() -> None:
    by = watcher()
    events = watched([*ports(14, 10.0), record(time=9e9), record(port=5000, time=11.0)], by)
    assert [event.kind for event in events] == [PORT_SCAN]
    assert (by.metrics.ahead, by.metrics.late) == (1, 0)
    agreed = watcher()
    watched([record(time=10.0), *(record(time=9e9) for _ in range(3))], agreed)
    assert agreed.metrics.ahead == 2, "the third that agrees is believed"


def test_logs_without_times_are_one_window() -> None:
    (event,) = watched(ports(15, None))
    assert (event.kind, event.time, event.until) == (PORT_SCAN, None, None)


def learned(values: list[int], source: str = "a/Pod/web") -> Baseline:
    usual = Baseline(300)
    for value in values:
        usual.measure(source, {"destinations": value, "ports": value, "sweep": value})
    for port in range(2000):
        usual.add(Known("a/Pod/web", "a/Pod/db", "TCP", port))
    return usual


def test_the_score_is_arithmetic() -> None:
    """Mean 3, variance 2: (18 - 3) / max(sqrt 2, sqrt 3, 1) = 8.660."""
    usual = learned([1, 2, 3, 4, 5])
    assert kinds(ports(13), watcher(baseline=usual)) == [], "(13 - 3) / 1.732 = 5.774 < 6"
    (event,) = watched(ports(18), watcher(baseline=usual))
    score = event.score
    assert score is not None
    assert score.arithmetic == "(18 - 3.000) / max(1.414, sqrt(3.000) = 1.732, 1) = 8.660 >= 6"
    assert (score.value, score.windows, score.mean, score.deviation, score.most) == (8.66, 5, 3.0, 1.414, 5)
    assert score.learned == "the source's own windows"


def test_what_was_usual_once_is_no_finding() -> None:
    assert kinds(ports(18), watcher(baseline=learned([1] * 1000 + [18]))) == []
    assert kinds(ports(19), watcher(baseline=learned([1] * 1000 + [18]))) == [PORT_SCAN]


def test_a_source_that_is_not_known_is_measured_by_all() -> None:
    (event,) = watched(ports(18), watcher(baseline=learned([1, 2, 3], "z/Pod/z")))
    assert event.score is not None
    assert (event.score.learned, event.score.windows) == ("the windows of all sources", 3)


def test_learning_then_watching_the_same_is_quiet() -> None:
    usual = Baseline(300)
    log = [*ports(20, 10.0), *outside(10, 310.0), record(OTHER, WEB, time=700.0)]
    watched(log, watcher("", learn=usual))
    again = read_baseline(usual.dump())
    assert kinds(log, watcher("", baseline=again)) == []
    assert again.dump() == usual.dump()


@given(st.lists(st.integers(0, 50), min_size=1, max_size=30))
def test_distributions(values: list[int]) -> None:
    import statistics

    usual = learned(values).usual("a/Pod/web", "ports")
    assert usual is not None
    assert (usual.windows, usual.most) == (len(values), max(values))
    assert usual.mean == pytest.approx(statistics.fmean(values))
    assert usual.deviation == pytest.approx(statistics.pstdev(values), abs=1e-6)


# -- bounds ------------------------------------------------------------------------------------------------------------


def test_memory_is_bounded_and_what_is_forgotten_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "MOST_REMEMBERED", 10)
    monkeypatch.setattr(windows, "MOST_SOURCES", 2)
    monkeypatch.setattr(windows, "MOST_PAIRS", 16)
    by = watcher(repeat=1e9)
    events = watched(ports(40, verdict=False), by)
    assert by.metrics.forgotten == 30
    (scan,) = [event for event in events if event.kind == PORT_SCAN]
    assert "at least 16 ports" in scan.message
    watched([record(End(ip=f"203.0.113.{number}"), time=0.0) for number in range(5)], by)
    assert by.metrics.crowded == 3


def test_metrics() -> None:
    by = watcher()
    watched([record(verdict=True, count=3, time=5.0), record(OTHER, verdict=False), record(OTHER, verdict=False)], by)
    by.feed(Problem(line=1, slug="flow-malformed", message="x"))
    list(by.feed(Problem(line=1, slug="flow-malformed", message="x")))
    text = by.metrics.text()
    for sample in (
        "thwart_flow_records_total 3",
        'thwart_flow_connections_total{policy="allow",seen="passed"} 3',
        'thwart_flow_connections_total{policy="deny",seen="dropped"} 2',
        'thwart_flow_findings_total{kind="denied"} 1',
        'thwart_flow_matched_total{kind="denied"} 2',
        'thwart_flow_problems_total{slug="flow-malformed"} 1',
        "thwart_flow_last_time_seconds 5.0",
    ):
        assert f"\n{sample}\n" in f"\n{text}"
    form = re.compile(r'# (HELP|TYPE) thwart_flow_\w+ .+|thwart_flow_\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? \d+(\.\d+)?')
    assert [line for line in text.splitlines() if not form.fullmatch(line)] == []


# -- baselines ---------------------------------------------------------------------------------------------------------

GOOD: Json = {
    "schema": "thwart-net-baseline-v1",
    "window": 300,
    "records": 1,
    "flows": [["a", "b", "TCP", 80]],
    "sources": {"a": {"destinations": {"1": 2}, "ports": {"1": 2}, "sweep": {"1": 2}}},
}


def test_a_baseline_is_read() -> None:
    found = read_baseline(json.dumps(GOOD).encode())
    assert Known("a", "b", "TCP", 80) in found
    usual = found.usual("a", "ports")
    assert usual is not None
    assert usual.windows == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": "thwart-net-baseline-v2"},
        {"window": 0},
        {"window": "300"},
        {"records": -1},
        {"flows": [["a", "b", "TCP"]]},
        {"flows": [["a", "b", "TCP", 0]]},
        {"flows": None},
        {"sources": {"a": {"destinations": {"-1": 2}}}},
        {"sources": {"a": {"destinations": {"1": 0}}}},
        {"sources": {"a": {"destinations": {"x": 1}}}},
        {"sources": {"a": {"other": {}}}},
        {"more": 1},
    ],
)
def test_a_baseline_that_is_none_is_refused(changes: Json) -> None:
    with pytest.raises(SourceError, match="baseline"):
        read_baseline(json.dumps({**GOOD, **changes}).encode())


@given(st.data())
def test_a_damaged_baseline_is_refused_or_read(data: st.DataObject) -> None:
    whole = bytearray(json.dumps(GOOD).encode())
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] = data.draw(st.integers(0, 255))
    for damaged in (bytes(whole), bytes(whole[:at])):
        try:
            found = read_baseline(damaged)
        except SourceError:
            continue
        assert read_baseline(found.dump()).dump() == found.dump()


# -- the command -------------------------------------------------------------------------------------------------------


def thwart(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "thwart", "net", "watch", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True)


def line(source: str, destination: str, port: int, **more: Any) -> str:
    ends = [dict(zip(("namespace", "pod"), text.split("/"), strict=True)) for text in (source, destination)]
    return json.dumps({"src": ends[0], "dst": ends[1], "port": port, **more}) + "\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "pods.yaml").write_text(PODS + IN_DB)
    (tmp_path / "flows").write_text(line("a/web", "a/db", 80, time=10, verdict="allowed"))
    return tmp_path


def test_command(folder: Path) -> None:
    state, flows = str(folder / "state"), str(folder / "flows")
    quiet = thwart("--flows", flows, state)
    assert quiet.returncode == 0, quiet.stderr
    (summary,) = map(json.loads, quiet.stdout.splitlines())
    assert (summary["kind"], summary["records"], summary["reports"]) == ("summary", 1, {})
    text = line("b/web", "a/db", 80, time=10, verdict="allowed") + line("b/web", "a/db", 81, time=11, verdict="denied")
    loud = thwart("--flows", "-", state, stdin=text)
    assert (loud.returncode, [json.loads(one)["kind"] for one in loud.stdout.splitlines()]) == (
        1,
        [HOLE, DENIED, "summary"],
    )
    denied = thwart("--flows", "-", "-o", "text", state, stdin=text.splitlines()[1] + "\n")
    assert (denied.returncode, denied.stdout.splitlines()[-1]) == (0, "1 record: 1 denied")
    assert thwart("--flows", "-", state, stdin="{nonsense\n").returncode == 3


def test_command_learns_and_compares(folder: Path) -> None:
    state, flows, usual = str(folder / "state"), str(folder / "flows"), str(folder / "usual.json")
    assert thwart("--flows", flows, "--learn", usual, state).returncode == 0
    assert thwart("--flows", flows, "--baseline", usual, state).returncode == 0
    other = line("a/web", "a/db", 99, time=10)
    new = thwart("--flows", "-", "--baseline", usual, "--learn", usual, state, stdin=other)
    assert (new.returncode, json.loads(new.stdout.splitlines()[0])["kind"]) == (1, NEW)
    assert thwart("--flows", "-", "--baseline", usual, state, stdin=other).returncode == 0, "it has been learned"
    assert thwart("--flows", flows, "--baseline", usual, "--window", "60", state).returncode == 2
    Path(usual).write_text("{}")
    assert thwart("--flows", flows, "--baseline", usual, state).returncode == 4


def test_command_writes_metrics(folder: Path) -> None:
    metrics = folder / "watch.prom"
    assert thwart("--flows", str(folder / "flows"), "--metrics", str(metrics), str(folder / "state")).returncode == 0
    assert "thwart_flow_records_total 1\n" in metrics.read_text()
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []


def test_several_logs_are_read_as_one(folder: Path) -> None:
    """Nodes write one log each, of the same hour."""
    for name in ("one", "two"):
        (folder / name).write_text("".join(line("a/web", "a/db", 80, time=at) for at in (10, 1000, 2000)))
    done = thwart("--flows", str(folder / "one"), "--flows", str(folder / "two"), str(folder / "state"))
    assert json.loads(done.stdout.splitlines()[-1])["not_remembered"] == {}


def test_command_follows(folder: Path) -> None:
    done = thwart("--flows", str(folder / "flows"), "--follow", "--idle", "0.1", str(folder / "state"))
    assert done.returncode == 0
    assert thwart("--flows", "-", "--follow", str(folder / "state")).returncode == 2


def test_following_over_rotation_and_truncation(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"one\ntw")

    def append() -> None:
        with log.open("ab") as file:
            file.write(b"o\n")

    def rotate() -> None:
        log.rename(tmp_path / "old")
        log.write_bytes(b"three\n")

    def truncate() -> None:
        log.write_bytes(b"4\n")

    def grow() -> None:
        log.write_bytes(b"4\n" + b"x" * 50)

    steps = [append, rotate, truncate, grow]

    def next_step() -> None:
        if steps:
            steps.pop(0)()

    found = list(follow(str(log), 20, next_step, idle=0.5))
    assert found == [b"one\n", b"two\n", b"three\n", b"4\n", b"x" * 21]


def test_following_ends_by_interruption(folder: Path) -> None:
    """Ctrl-C is how a watch ends: windows are closed and counts told."""
    import signal

    command = [
        sys.executable,
        "-m",
        "thwart",
        "net",
        "watch",
        "--flows",
        str(folder / "flows"),
        "--follow",
        str(folder / "state"),
    ]
    metrics = folder / "m"
    running = subprocess.Popen(
        [*command, "--metrics", str(metrics)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    killer = threading.Timer(60, running.kill)
    killer.start()
    while not metrics.exists() or "thwart_flow_records_total 1" not in metrics.read_text():
        assert running.poll() is None
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    out, _ = running.communicate()
    killer.cancel()
    assert (running.returncode, json.loads(out.splitlines()[-1])["kind"]) == (0, "summary")
