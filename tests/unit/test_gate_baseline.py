"""Baselines: what was there does not count, what is new does, what is gone is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.unit.matching_memory import TODAY
from thwart.cli import main
from thwart.core.advisory import Severity
from thwart.core.errors import ConfigError
from thwart.core.finding import Evidence, Finding, Ignore
from thwart.core.package import Location
from thwart.core.report import Asset, Exception_, Policy, Report
from thwart.gate import baseline, decide

PLACE = Location(path="x.yaml", line=3)


def finding(name: str = "run-as-root", places: int = 1, **more: Any) -> Finding:
    shown = tuple(Evidence(phrase="p", location=Location(path="x.yaml", line=3 + one)) for one in range(places))
    more.setdefault("subject", "Pod web")
    return Finding(
        id=name, message="m", severity=Severity.HIGH, kind="rule", evidence=shown, locations=(PLACE,), **more
    )


def report(*findings: Finding, name: str = "shop", **more: Any) -> Report:
    asset = Asset(kind="documents", name=name)
    return Report(asset=asset, tool_version="1", created="2026-11-23T00:00:00Z", findings=findings, documents=1, **more)


def known(*reports: Report) -> Policy:
    return Policy(baseline=baseline.read(baseline.write(reports), "b.json"))


def test_what_was_there_is_set_aside_and_what_is_new_counts() -> None:
    judged, verdict = decide(report(finding(), finding("host-path")), known(report(finding())), TODAY)
    assert [one.id for one in judged.findings] == ["host-path"]
    assert [(one.finding.id, one.by) for one in judged.suppressed] == [("run-as-root", "baseline")]
    assert verdict.decision == "deny"
    assert decide(report(finding()), known(report(finding())), TODAY)[1].decision == "allow"


def test_the_same_rule_in_more_places_of_the_same_thing_is_new() -> None:
    policy = known(report(finding(places=2)))
    assert decide(report(finding(places=2)), policy, TODAY)[1].decision == "allow"
    assert decide(report(finding(places=1)), policy, TODAY)[1].decision == "allow"
    assert decide(report(finding(places=3)), policy, TODAY)[1].decision == "deny"


def test_another_subject_or_file_is_new() -> None:
    policy = known(report(finding()))
    assert decide(report(finding(subject="Pod other")), policy, TODAY)[1].decision == "deny"
    moved = replace(finding(), locations=(Location(path="y.yaml", line=3),))
    assert decide(report(moved), policy, TODAY)[1].decision == "deny"
    lower = replace(finding(), locations=(Location(path="x.yaml", line=300),))
    assert decide(report(lower), policy, TODAY)[1].decision == "allow"


def test_what_is_gone_is_told_and_does_not_make_the_report_incomplete() -> None:
    judged, verdict = decide(report(), known(report(finding(), finding("host-path"))), TODAY)
    [told] = [one for one in judged.diagnostics if one.slug == "baseline-gone"]
    assert "2 findings of the baseline are gone: host-path, run-as-root" in told.message
    assert not told.incomplete
    assert verdict.exit_code == 0


def test_only_the_baseline_of_the_same_asset_can_be_gone() -> None:
    judged, _ = decide(report(name="other"), known(report(finding())), TODAY)
    assert not judged.diagnostics


def test_comments_and_exceptions_come_first() -> None:
    policy = known(report(finding()))
    ignores = (Ignore(path="x.yaml", line=3, ids=("run-as-root",), reason="why"),)
    assert decide(report(finding(), ignores=ignores), policy, TODAY)[0].suppressed[0].by == "inline"
    excused = replace(policy, exceptions=(Exception_(id="run-as-root", reason="r", owner="o", expires="2099-01-01"),))
    assert decide(report(finding()), excused, TODAY)[0].suppressed[0].by == "exception"


def test_a_baseline_written_over_another_keeps_what_it_set_aside() -> None:
    judged, _ = decide(report(finding(), finding("host-path")), known(report(finding())), TODAY)
    again = baseline.read(baseline.write([judged]), "b.json")
    assert [one.id for one in again] == ["host-path", "run-as-root"]


def test_writing_is_sorted_and_does_not_depend_on_the_order() -> None:
    one, two = finding(), finding("host-path")
    assert baseline.write([report(one, two)]) == baseline.write([report(two, one)])
    assert json.loads(baseline.write([report(one)]))["schema"] == "thwart-baseline-v1"


ROW = {"fingerprint": "0" * 32, "id": "a", "asset": "b"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        '{"schema": "thwart-report-v1"}',
        '{"schema": "thwart-baseline-v1"}',
        '{"schema": "thwart-baseline-v1", "findings": {}}',
        '{"schema": "thwart-baseline-v1", "findings": [1]}',
        json.dumps({"schema": "thwart-baseline-v1", "findings": [{**ROW, "fingerprint": "x"}]}),
        json.dumps({"schema": "thwart-baseline-v1", "findings": [{**ROW, "id": 1}]}),
        json.dumps({"schema": "thwart-baseline-v1", "findings": [{**ROW, "places": 0}]}),
        json.dumps({"schema": "thwart-baseline-v1", "findings": [{**ROW, "places": True}]}),
        "[" * 100_000,
        "\0\xff",
    ],
)
def test_what_is_no_baseline_is_one_clear_error(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^b\.json is no baseline: "):
        baseline.read(text.encode("latin-1"), "b.json")


@given(st.binary(max_size=200))
def test_bytes_of_strangers_are_refused(data: bytes) -> None:
    with pytest.raises(ConfigError):
        baseline.read(data, "b.json")


def test_the_command_writes_and_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.yaml").write_text(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: a}]}\n"
    )
    assert main(["check", "x.yaml", "--write-baseline", "b.json"]) == 1
    assert main(["check", "x.yaml", "--baseline", "b.json"]) == 0
    assert "by baseline" in capsys.readouterr().out
    Path("x.yaml").write_text(Path("x.yaml").read_text().replace("spec: {", "spec: {hostPID: true, "))
    assert main(["check", "x.yaml", "--baseline", "b.json"]) == 1
    assert main(["check", "x.yaml", "--baseline", "missing.json"]) == 2
    assert "missing.json cannot be read" in capsys.readouterr().err
