"""`thwart net lint` and the changes of `thwart net explain` as commands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tools.generators import network_lint

from tests.conftest import ROOT
from tests.unit.network.helpers import PODS, policy
from thwart.cli import main

OPEN = "{podSelector: {}, policyTypes: [Ingress], ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}]}"
MISSED = "{podSelector: {matchLabels: {app: wbe}}, policyTypes: [Ingress]}"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "pods.yaml").write_text(PODS)
    (tmp_path / "open.yaml").write_text(policy(OPEN, "open"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ran(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = main(["net", *arguments])
    return code, capsys.readouterr().out


def test_the_text_shows_line_and_fix(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = ran(capsys, "lint", ".", "--only", "open-to-the-world")
    assert code == 0
    line = policy(OPEN, "open").splitlines().index(f"spec: {OPEN}") + 1
    assert f"open.yaml:{line}: medium[open-to-the-world]: NetworkPolicy a/open" in out
    assert f"  {line} | spec: {{podSelector" in out
    assert "  fix: name the blocks" in out
    assert out.endswith("1 policy: 1 finding (1 medium)\n")


def test_exit_codes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ran(capsys, "lint", ".", "--fail-on", "medium")[0] == 1
    assert ran(capsys, "lint", ".")[0] == 0
    (folder / "missed.yaml").write_text(policy(MISSED, "missed"))
    assert ran(capsys, "lint", ".")[0] == 1
    assert ran(capsys, "lint", ".", "--fail-on", "none")[0] == 0
    assert ran(capsys, "lint", ".", "--skip", "policy-selects-nothing")[0] == 0
    foreign = "{apiVersion: cilium.io/v9, kind: CiliumNetworkPolicy, metadata: {name: f, namespace: a}}"
    (folder / "foreign.yaml").write_text(foreign)
    assert ran(capsys, "lint", ".", "--fail-on", "none")[0] == 3
    assert ran(capsys, "lint", ".")[0] == 1  # what was found counts before what is missing
    assert ran(capsys, "lint", ".", "--only", "polcy-types")[0] == 2
    assert ran(capsys, "lint", ".", "-o", "xml")[0] == 2


def test_what_is_less_severe_is_left_out_but_counts(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = ran(capsys, "lint", ".", "--only", "open-to-the-world", "--at-least", "high", "--fail-on", "low")
    assert code == 1
    assert out == "1 policy: no findings\n"


def test_comments_accept_findings_with_a_reason(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = policy(OPEN, "open").replace("spec:", "# thwart: ignore[open-to-the-world] the front door\nspec:")
    (folder / "open.yaml").write_text(base)
    _, out = ran(capsys, "lint", ".", "--only", "open-to-the-world", "-o", "json")
    document = json.loads(out)
    assert document["schema"] == "thwart-net-lint-v1"
    assert document["findings"] == []
    assert [(one["check"], one["reason"]) for one in document["ignored"]] == [("open-to-the-world", "the front door")]
    (folder / "open.yaml").write_text(base.replace(" the front door", ""))
    found = json.loads(ran(capsys, "lint", ".", "--only", "open-to-the-world", "-o", "json")[1])["findings"]
    assert sorted(one["check"] for one in found) == ["open-to-the-world", "unused-ignore"]
    (folder / "open.yaml").write_text(base.replace("open-to-the-world", "policy-types"))
    checks = ["--only", "open-to-the-world", "--only", "policy-types"]
    found = json.loads(ran(capsys, "lint", ".", *checks, "-o", "json")[1])["findings"]
    assert sorted(one["check"] for one in found) == ["open-to-the-world", "unused-ignore"]
    # comments for checks that are not run, and of other commands, are left alone
    found = json.loads(ran(capsys, "lint", ".", "--only", "open-to-the-world", "-o", "json")[1])["findings"]
    assert [one["check"] for one in found] == ["open-to-the-world"]


def test_json_and_sarif_hold_the_same_findings(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "missed.yaml").write_text(policy(MISSED, "missed"))
    document = json.loads(ran(capsys, "lint", ".", "-o", "json")[1])
    assert document["complete"] is True
    assert document["summary"]["high"] == 1
    code, out = ran(capsys, "lint", ".", "-o", "sarif")
    assert code == 1
    sarif: dict[str, Any] = json.loads(out)
    run = sarif["runs"][0]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    results = [rules[one["ruleIndex"]] for one in run["results"]]
    assert results == [one["ruleId"] for one in run["results"]] == [one["check"] for one in document["findings"]]
    missed = next(one for one in run["results"] if one["ruleId"] == "policy-selects-nothing")
    assert missed["level"] == "error"
    place = missed["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "missed.yaml"
    assert place["region"]["startLine"] > 1
    prints = [one["partialFingerprints"]["thwartNetLint/v1"] for one in run["results"]]
    assert prints == [one["fingerprint"] for one in document["findings"]]
    assert len(set(prints)) == len(prints)


def test_a_file_is_written_and_nothing_is_printed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out = ran(capsys, "lint", ".", "-o", "sarif=out.sarif")
    assert out == ""
    assert json.loads((folder / "out.sarif").read_text())["version"] == "2.1.0"


def test_names_cannot_steer_a_terminal(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "open.yaml").write_text(policy(OPEN, "open").rstrip("\n") + "  # \u202ethgir ot\n")
    out = ran(capsys, "lint", ".", "--only", "open-to-the-world")[1]
    assert "thgir ot" in out
    assert "\u202e" not in out


def test_standard_input_has_findings_without_source(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import io
    import sys
    from types import SimpleNamespace

    text = (PODS + policy(MISSED, "missed")).encode()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(text)))
    code, out = ran(capsys, "lint", "-")
    assert code == 1
    assert "high[policy-selects-nothing]" in out


def test_the_page_of_checks_is_generated() -> None:
    for path, content in network_lint.generate():
        assert (ROOT / path).read_bytes() == content


# --- explain ------------------------------------------------------------------------------------------------------------


def test_explain_tells_the_changes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "deny.yaml").write_text(policy("{podSelector: {matchLabels: {app: db}}}", "deny"))
    (folder / "open.yaml").unlink()
    code, out = ran(capsys, "explain", "b/web", "a/db", "http", "-f", ".")
    assert code == 0
    assert "denied: b/web -> a/db, TCP 9090" in out
    assert "to allow it, any of: A, or B, or C" in out
    assert "A. ingress: add this rule to NetworkPolicy a/deny (deny.yaml:" in out
    assert "delete NetworkPolicy a/deny" in out
    document = json.loads(ran(capsys, "explain", "b/web", "a/db", "9090", "-f", ".", "--json")[1])
    changes = document["answers"][0]["changes"]
    assert changes["to"] == "allowed"
    assert changes["complete"] is True
    assert changes["sets"] == [["A"], ["B"], ["C"]]
    assert changes["edits"]["A"]["action"] == "add-rule"
    plain = ran(capsys, "explain", "b/web", "a/db", "http", "-f", ".", "--no-changes")[1]
    assert "to allow" not in plain
    assert "changes" not in json.loads(ran(capsys, "explain", "b/web", "a/db", "-f", ".", "--json")[1])["answers"][0]


def test_a_name_of_a_port_means_what_the_destination_calls_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "TCP 8080" in ran(capsys, "explain", "b/web", "a/web", "http", "-f", ".")[1]
    assert "UDP 53" in ran(capsys, "explain", "b/web", "a/web", "dns/udp", "-f", ".")[1]
    assert ran(capsys, "explain", "b/web", "a/web", "dns/tcp", "-f", ".")[0] == 2
    assert ran(capsys, "explain", "b/web", "b/web", "http", "-f", ".")[0] == 2
    assert ran(capsys, "explain", "b/web", "a/web", "HTTP!", "-f", ".")[0] == 2


def test_explain_tells_what_is_missing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    foreign = "{apiVersion: cilium.io/v9, kind: CiliumNetworkPolicy, metadata: {name: f, namespace: a}}"
    (folder / "foreign.yaml").write_text(foreign)
    code, out = ran(capsys, "explain", "b/web", "a/db", "80", "-f", ".")
    assert code == 3
    assert "to make it known:" in out
