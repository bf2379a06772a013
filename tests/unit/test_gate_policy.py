"""The policy file and its clauses: what each asks for, what it cannot know, and how a policy is tested."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.unit import report_fixtures as given
from thwart.api._gate import intents, read_reports
from thwart.cli import main
from thwart.core.advisory import Exploited, Severity
from thwart.core.errors import ConfigError, ParseError, SourceError, UsageError
from thwart.core.finding import Finding
from thwart.core.report import Asset, Policy, Report, Verdict
from thwart.gate import decide
from thwart.gate.clauses import CLAUSES
from thwart.gate.policy_file import parse
from thwart.reports import RenderOptions, write

TODAY = date(2026, 11, 23)


def finding(**more: Any) -> Finding:
    stated: dict[str, Any] = {"id": "CVE-2026-1", "message": "m", "severity": Severity.LOW, "published": "2026-01-01"}
    return Finding(**(stated | more))


def report(*findings: Finding, **more: Any) -> Report:
    asset = more.pop("asset", Asset(kind="image", name="web", reference="registry.example.test/team/web:1"))
    return Report(asset=asset, tool_version="1", created="", findings=findings, packages=(given.CURL,), **more)


def judged(text: str, given_: Report) -> Verdict:
    return decide(given_, parse(text, "policy.toml").policy, TODAY)[1]


RULE = finding(id="no-memory-limit", kind="rule", subject="container web", state="fixed", published="")
KEV = finding(kev=Exploited(added="2026-01-01"))
BREACHES = [
    ("exploited = true", report(KEV), report(finding())),
    ("epss = 0.5", report(finding(epss=0.5)), report(finding(epss=0.4), finding(epss=None))),
    ("fix-older-than-days = 30", report(finding()), report(finding(published="2026-11-01"))),
    (
        "image-older-than-days = 90",
        report(asset=Asset(kind="image", name="web", created="2026-01-01T00:00:00Z")),
        report(asset=Asset(kind="image", name="web", created="2026-11-01T00:00:00Z")),
    ),
    ('registries = ["ghcr.example.test/*"]', report(), report(images=("ghcr.example.test/a/b:1",), asset=Asset(kind="documents", name="x"))),
    ('registries = ["registry.example.test"]', report(images=("nginx",)), report()),
    ('base-images = ["registry.example.test/base/*"]', report(bases=("debian:12",)), report(bases=("registry.example.test/base/x:1",), asset=Asset(kind="documents", name="x"))),
    ('licences = { deny = ["curl"] }', report(), report(), ),
    ('rules = ["no-memory-limit"]', report(RULE), report(finding())),
    ("limits = true", report(RULE), report(finding())),
    ("max-findings = { low = 1 }", report(finding(), finding(id="CVE-2026-2")), report(finding())),
    (
        '[[expressions]]\nname = "few"\nexpression = "size(findings) < 2 && asset.name == \'web\'"',
        report(finding(), finding(id="CVE-2026-2")),
        report(finding()),
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "bad", "good"), BREACHES, ids=lambda one: one.partition(" ")[0] if isinstance(one, str) else ""
)
def test_a_clause_denies_what_it_is_about_and_nothing_else(text: str, bad: Report, good: Report) -> None:
    if "licences" in text:
        bad = replace(bad, packages=(replace(given.CURL, licences=("curl",)),))
        good = replace(good, packages=(replace(given.CURL, licences=("curl OR MIT",)),))
    name = text.partition(" ")[0].strip("[]\n").partition("]")[0]
    verdict = judged(text, bad)
    assert (verdict.decision, verdict.exit_code) == ("deny", 1)
    assert verdict.reasons[0].endswith(f"({name})")
    assert judged(text, good).decision in ("allow", "warn")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("image-older-than-days = 9", report()),
        ('registries = ["a.test"]', report(asset=Asset(kind="image", name="x.tar"))),
        ('base-images = ["a.test/*"]', report()),
        ("fix-older-than-days = 9", report(finding(published=""))),
        ('[[expressions]]\nname = "x"\nexpression = "findings[0].id == \'y\'"', report()),
        ('[[expressions]]\nname = "x"\nexpression = "size(findings)"', report()),
    ],
)
def test_what_nobody_can_know_is_unknown_and_never_green(text: str, found: Report) -> None:
    verdict = judged(text, found)
    assert (verdict.decision, verdict.exit_code) == ("unknown", 3)
    assert judged(f'on-incomplete = "warn"\n{text}', found).decision == "warn"


def test_every_clause_has_a_case_here() -> None:
    cased = {text.lstrip("[").partition(" ")[0].partition("]")[0] for text, _, _ in BREACHES}
    assert {name.replace("_", "-") for name in CLAUSES.names()} - {"signatures", "attestations"} == cased


@pytest.mark.parametrize("mode", ["warn", "dry-run"])
def test_a_clause_that_is_only_tried_stops_nothing(mode: str) -> None:
    verdict = judged(f'exploited = {{ value = true, mode = "{mode}" }}', report(KEV))
    assert (verdict.decision, verdict.exit_code) == ("warn", 0)
    assert any("CISA knows of attacks" in one for one in (*verdict.reasons, *verdict.notes))
    whole = judged(f'exploited = true\nmode = "{mode}"', report(KEV))
    assert (whole.decision, whole.exit_code) == ("warn", 0)
    assert f"the policy's mode is {mode}: this would have been deny" in whole.notes


def test_exceptions_come_before_clauses_and_expire() -> None:
    text = 'rules = ["no-memory-limit"]\n[[exceptions]]\nid = "no-memory-limit"\nreason = "r"\nowner = "o"\napprover = "a"\n'
    kept, verdict = decide(report(RULE), parse(f"{text}expires = 2026-11-23", "p").policy, TODAY)
    assert verdict.decision == "allow"
    assert kept.suppressed[0].reason == "r (approved by a)"
    assert judged(f"{text}expires = 2026-11-22", report(RULE)).decision == "deny"


@pytest.mark.parametrize(
    "text",
    [
        "",
        'mode = "warn"',
        "a = [",
        "exploit = true",
        'exploited = "yes"',
        "epss = 0",
        "epss = 2",
        "epss = true",
        "fix-older-than-days = -1",
        "registries = []",
        'registries = [""]',
        "licences = {}",
        'licences = { forbid = ["x"] }',
        "max-findings = { hihg = 1 }",
        'exploited = { value = true, mode = "sometimes" }',
        "exploited = { value = true, more = 1 }",
        'fail-on = "hi"',
        'only-fixed = "yes"',
        'expressions = "x"',
        '[[expressions]]\nname = "x"',
        '[[expressions]]\nname = "x"\nexpression = "1 +"',
        '[[expressions]]\nname = "x"\nexpression = "finding.id"',
        'fail-on = "low"\ntests = 1',
        'fail-on = "low"\n[[tests]]\nname = "x"',
        'fail-on = "low"\n[[tests]]\nname = "x"\nreport = "r"\nexpect = "denied"',
        'fail-on = "low"\n[[tests]]\nname = "x"\nreport = "r"\nexpect = "deny"\ntoday = 1',
        'fail-on = "low"\n[[exceptions]]\nid = "x"',
    ],
)
def test_a_policy_that_is_wrong_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^p\.toml:\d+: "):
        parse(text, "p.toml")


def test_a_clause_that_does_not_exist_is_refused_by_the_gate_itself() -> None:
    from thwart.core.policy import Clause

    for clause in (Clause(name="exploit", value=True), Clause(name="exploited", value=1)):
        with pytest.raises(UsageError):
            decide(report(), Policy(clauses=(clause,)), TODAY)


# -- deciding again ------------------------------------------------------------------------------------------------------


def saved(path: Path, *findings: Finding) -> Path:
    policy = parse(
        'fail-on = "low"\n[[exceptions]]\nid = "CVE-2026-2"\nreason = "r"\nowner = "o"\nexpires = 2026-12-01', "p"
    )
    one = decide(report(*findings), policy.policy, TODAY)
    path.write_bytes(write("json", [one], RenderOptions()))
    return path


def test_a_saved_report_is_judged_as_if_it_had_not_been(tmp_path: Path) -> None:
    path = saved(tmp_path / "r.json", finding(), finding(id="CVE-2026-2"))
    [again] = read_reports([str(path)])
    assert [one.id for one in again.findings] == ["CVE-2026-1", "CVE-2026-2"]
    assert again.suppressed == ()
    assert not any("exception" in one.slug for one in again.diagnostics)


def test_broken_intents_are_findings_and_unknown_ones_gaps() -> None:
    one = {"name": "n", "file": "i.yaml", "line": 3}
    document = {"intents": [one | {"status": "broken"}, one | {"status": "held"}, one | {"status": "unknown"}]}
    found = intents("i.json", document | {"unread": [{"message": "m"}]})
    assert [(item.id, item.locations[0].line) for item in found.findings] == [("broken-intent", 3)]
    assert len(found.diagnostics) == 2
    assert found.incomplete
    strange: list[Any] = [{}, {"intents": 1}, {"intents": [1]}, {"intents": [{}]}, []]
    for wrong in strange:
        with pytest.raises(ParseError):
            intents("i.json", wrong)


@pytest.mark.parametrize("data", [b"", b"{}", b"[1]", b"\xff", b'{"schema": "thwart-net-verify-v1"', b"[" * 99_999])
def test_what_is_no_report_is_told(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(UsageError, match="is no report"):
        read_reports([str(tmp_path / "x")])
    with pytest.raises(SourceError):
        read_reports([str(tmp_path / "y")])


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    saved(tmp_path / "r.json", finding(severity=Severity.CRITICAL))
    assert main(["gate", "r.json"]) == 1
    assert main(["gate", "r.json", "--fail-on", "none"]) == 0
    assert main(["log", "init", "--log", "l"]) == 0
    Path("p.toml").write_text('fail-on = "none"\nmax-findings = { critical = 0 }')
    assert main(["gate", "r.json", "--policy", "p.toml", "--log", "l"]) == 1
    assert main(["gate", "r.json", "--policy", "nothing"]) == 2
    capsys.readouterr()
    assert main(["log", "show", "--log", "l", "-o", "jsonl"]) == 0
    [line] = capsys.readouterr().out.splitlines()
    assert json.loads(line)["decision"] == "deny"


def test_cases_beside_a_policy_are_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    saved(tmp_path / "r.json", finding(severity=Severity.CRITICAL))
    head = 'fail-on = "high"\n[[tests]]\nname = "one"\nreport = "r.json"\ntoday = 2026-11-23\n'
    Path("p.toml").write_text(f'{head}expect = "deny"\nbecause = "CVE-2026-1"')
    assert main(["gate", "test", "--policy", "p.toml"]) == 0
    Path("p.toml").write_text(f'{head}expect = "allow"')
    assert main(["gate", "test", "--policy", "p.toml"]) == 1
    Path("p.toml").write_text(f'{head}expect = "deny"\nbecause = "something else"')
    assert main(["gate", "test", "--policy", "p.toml"]) == 1
    assert "FAILED  one: no reason says 'something else'" in capsys.readouterr().out
    Path("p.toml").write_text('fail-on = "high"')
    assert main(["gate", "test", "--policy", "p.toml"]) == 2
    assert main(["gate", "test"]) == 2
