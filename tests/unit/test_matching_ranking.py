"""Which severity decides, which defect comes first, and which upgrades remove the most."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from tests.unit.matching_memory import Memory, affected, cvss, facts, ids, kev, package, record, run
from thwart.core.advisory import CveFacts, Score, Severity
from thwart.core.upgrades import distinct, group_by_fix, risk
from thwart.matching.severity import Said, choose, from_statement

if TYPE_CHECKING:
    from thwart.core.finding import Finding

WORD = Score("debian", "word", "low", -1.0, Severity.LOW)


@pytest.mark.parametrize(
    ("said", "vendor", "source"),
    [
        ([Said(cvss("nvd", 9.8), "cve"), Said(WORD, "vendor")], "Debian", "debian"),
        ([Said(cvss("nvd", 9.8), "cve"), Said(cvss("cna", 5.0), "cve")], "", "cna"),
        ([Said(cvss("cisa-adp", 9.8), "cve"), Said(cvss("nvd", 5.0), "cve")], "", "nvd"),
        ([Said(cvss("ghsa", 9.8), "record"), Said(cvss("nvd", 5.0), "cve")], "", "nvd"),
        ([Said(cvss("ubuntu", 9.8), "cve"), Said(cvss("ghsa", 5.0), "record")], "", "ghsa"),
        ([Said(cvss("nvd", 9.8), "vendor"), Said(cvss("cna", 5.0), "cve")], "Debian", "cna"),
        (
            [Said(Score("debian", "word", "not yet", -1.0, Severity.UNKNOWN), "vendor"), Said(cvss("nvd", 5.0), "cve")],
            "Debian",
            "nvd",
        ),
    ],
)
def test_severity_is_chosen_by_a_stated_order_and_the_rest_is_kept(said: list[Said], vendor: str, source: str) -> None:
    random.Random(7).shuffle(said)
    chosen, scores = choose(said, vendor)
    assert chosen is not None
    assert chosen.source == source
    assert set(scores) == {one.score for one in said}


def test_a_distributions_word_comes_before_the_vectors_that_it_quotes() -> None:
    chosen, scores = choose([Said(cvss("Debian", 9.8), "vendor"), Said(WORD, "vendor")], "Debian")
    assert chosen == WORD
    assert len(scores) == 2


def test_of_one_speaker_the_newer_system_counts() -> None:
    said = [Said(cvss("nvd", 9.0, system), "cve") for system in ("CVSS_V2", "CVSS_V4", "CVSS_V3")]
    assert [score.system for score in choose(said, "")[1]] == ["CVSS_V4", "CVSS_V3", "CVSS_V2"]


@pytest.mark.parametrize(
    ("text", "severity", "score"),
    [
        ("Important", Severity.HIGH, -1.0),
        ("low**", Severity.LOW, -1.0),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", Severity.CRITICAL, 9.8),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", Severity.CRITICAL, 9.3),
        ("AV:N/AC:L/Au:N/C:N/I:N/A:P", Severity.MEDIUM, 5.0),
    ],
)
def test_a_statements_own_severity_is_a_word_or_a_vector(text: str, severity: Severity, score: float) -> None:
    found = from_statement(text, "test")
    assert found is not None
    assert (found.severity, found.score) == (severity, score)


@pytest.mark.parametrize("text", ["", "  ", "end-of-life", "CVSS:3.1/AV:N", "CVSS:9/AV:N/AC:L", "a:b/c"])
def test_what_is_no_severity_is_none(text: str) -> None:
    assert from_statement(text, "test") is None


def _one(facts_: CveFacts | None = None, purl: str = "npm/thing@1.0.0", span: str = "0..2.0.0", **more: str) -> Finding:
    parts = [facts_] if facts_ else []
    memory = Memory(affected("CVE-2024-1000", "npm", "thing", span), record("CVE-2024-1000"), *parts)
    (finding,) = run(memory, package(purl, **more)).findings
    return finding


def test_priority_says_what_it_is_made_of() -> None:
    finding = _one(facts("CVE-2024-1000", 9.8, epss=0.94, percentile=0.995, kev=kev(ransomware=True)))
    assert finding.because == (
        "exploited in the wild (CISA KEV since 2024-01-02, by ransomware too)",
        "EPSS 0.94: more likely exploited than 99 % of CVEs",
        "critical by NVD: CVSS 3 base score 9.8",
        "fixed in 2.0.0",
    )
    assert finding.priority == pytest.approx(99.9)
    assert _one().because == ("nobody has rated its severity", "fixed in 2.0.0")


def test_priorities_fall_in_the_stated_order() -> None:
    def by(score: float, epss: float | None = None, **more: Any) -> CveFacts:
        return facts("CVE-2024-1000", score, epss=epss, **more)

    falling = [
        _one(by(9.8, 0.9, kev=kev(ransomware=True))),
        _one(by(9.8, 0.9, kev=kev())),
        _one(by(5.0, 0.0001, kev=kev())),
        _one(by(9.8, 0.9)),
        _one(by(9.8, 0.9), span="0.."),
        _one(by(5.0, 0.9)),
        _one(by(9.8, 0.001)),
        _one(by(9.8, 0.001), scope="dev"),
        _one(by(3.0, 0.001)),
        _one(by(0.0, 0.001)),
    ]
    priorities = [finding.priority for finding in falling]
    assert priorities == sorted(priorities, reverse=True)
    assert len(set(priorities)) == len(priorities)
    assert all(0 <= priority <= 100 for priority in priorities)
    assert min(finding.priority for finding in falling if finding.kev) >= 90
    assert max(finding.priority for finding in falling if not finding.kev) < 90


def test_equal_packages_in_any_order_give_one_order() -> None:
    statements = [affected(f"CVE-2024-{number}", "npm", f"p{number % 3}", "0..2.0.0") for number in range(1000, 1030)]
    memory = Memory(*statements, *(facts(f"CVE-2024-{number}", number % 10) for number in range(1000, 1030)))
    packages = [package(f"npm/p{number}@1.{minor}.0") for number in range(3) for minor in range(4)]
    expected = run(memory, *packages)
    random.Random(3).shuffle(packages)
    random.Random(4).shuffle(memory.statements)
    assert run(memory, *packages) == expected
    assert len(ids(expected)) == 30


# -- upgrades ----------------------------------------------------------------------------------------------------------


def test_an_upgrade_is_the_highest_fix_of_a_package_and_counts_each_id_once() -> None:
    memory = Memory(
        affected("CVE-2024-1000", "Debian:12", "openssl", "0..3.0.13-1"),
        affected("CVE-2024-2000", "Debian:12", "openssl", "0..3.0.15-1~deb12u1"),
        affected("CVE-2024-3000", "Debian:12", "openssl", "0.."),
        affected("CVE-2024-4000", "Debian:12", "curl", "0..8"),
        facts("CVE-2024-1000", 9.8),
        facts("CVE-2024-2000", 7.5),
        facts("CVE-2024-4000", 5.0),
    )
    binaries = [package(f"deb/{name}@3.0.11-1", source="openssl", layer="sha256:1") for name in ("openssl", "libssl3")]
    curl = package("deb/curl@7", layer="sha256:2")
    matches = run(memory, *binaries, curl)
    first, second = group_by_fix(matches.findings)
    assert (first.title, first.layers) == ("upgrade openssl to 3.0.15-1~deb12u1", ("sha256:1",))
    assert [one.name for one in first.packages] == ["libssl3", "openssl"]
    assert {one.id for one in first.findings} == {"CVE-2024-1000", "CVE-2024-2000"}
    assert len(first.findings) == 4
    assert [one.id for one in first.defects] == ["CVE-2024-1000", "CVE-2024-2000"]
    assert first.severity is Severity.CRITICAL
    assert not first.left
    by_id = {finding.id: finding.priority for finding in matches.findings}
    cubes = [100 * (by_id[cve] / 100) ** 3 for cve in ("CVE-2024-1000", "CVE-2024-2000")]
    assert first.risk == pytest.approx(sum(cubes), abs=0.001)
    assert (second.package, second.version, second.installed) == ("curl", "8", ("7",))


def test_an_upgrade_does_not_claim_what_a_later_line_brings_back() -> None:
    memory = Memory(
        affected("CVE-2024-1000", "Go", "stdlib", "0..1.20.6", "1.21.0..1.21.3"),
        affected("CVE-2024-2000", "Go", "stdlib", "0..1.20.4", "1.21.0..1.21.1"),
        affected("CVE-2024-3000", "Go", "stdlib", "0..1.21.1"),
        facts("CVE-2024-1000", 9.8),
        facts("CVE-2024-2000", 9.1),
        facts("CVE-2024-3000", 2.0),
    )
    (group,) = group_by_fix(run(memory, package("golang/stdlib@go1.20.3")).findings)
    assert (group.version, group.title) == ("1.20.6", "rebuild with Go 1.20.6")
    assert {finding.id for finding in group.left} == {"CVE-2024-3000"}


def test_one_upgrade_is_one_row_in_however_many_layers() -> None:
    memory = Memory(affected("CVE-2024-1000", "Alpine:v3.20", "curl", "0..8.0.0-r0"), facts("CVE-2024-1000", 7.5))
    names = [("libcurl", "sha256:2"), ("curl", "sha256:5"), ("curl-doc", "sha256:2"), ("curl-dev", "sha256:1")]
    packages = [package(f"apk/{name}@7.88.1-r1", source="curl", layer=layer) for name, layer in names]
    findings = run(memory, *packages).findings
    (group,) = group_by_fix(findings, ["sha256:1", "sha256:2", "sha256:5"])
    assert group.layers == ("sha256:1", "sha256:2", "sha256:5")
    assert group.names == ("curl", "curl-dev", "curl-doc", "libcurl")
    assert (len(group.findings), len(group.defects)) == (4, 1)
    (other,) = group_by_fix(findings, ["sha256:5"])
    assert other.layers[0] == "sha256:5"
    assert set(other.layers) == set(group.layers)


def test_binary_packages_of_one_source_rpm_are_one_upgrade() -> None:
    memory = Memory(
        *(affected("CVE-2024-1000", "AlmaLinux:9", name, "0..1.21.1-2.el9") for name in ("krb5-libs", "krb5-devel")),
        affected("CVE-2024-2000", "AlmaLinux:9", "krb5-libs", "0..1.21.1-9.el9"),
        facts("CVE-2024-1000", 7.5),
    )
    binaries = [package(f"rpm/{name}@1.20.1-8.el9", source="krb5") for name in ("krb5-libs", "krb5-devel")]
    (group,) = group_by_fix(run(memory, *binaries).findings)
    assert (group.title, group.names) == ("upgrade krb5 to 1.21.1-9.el9", ("krb5-devel", "krb5-libs"))
    assert (len(group.findings), len(group.defects)) == (3, 2)


def test_binary_packages_with_numbers_of_their_own_stand_apart() -> None:
    memory = Memory(
        affected("CVE-2024-1000", "AlmaLinux:9", "perl-interpreter", "0..4:5.32.1-481.el9"),
        affected("CVE-2024-1000", "AlmaLinux:9", "perl-libs", "0..4:5.32.1-481.el9"),
        affected("CVE-2024-1000", "AlmaLinux:9", "perl-Errno", "0..0:1.30-481.el9"),
        affected("CVE-2024-1000", "AlmaLinux:9", "perl-vars", "0..0:1.05-481.el9"),
    )
    installed = [("interpreter", "4:5.32.1-480.el9"), ("libs", "4:5.32.1-479.el9")]
    installed += [("Errno", "0:1.30-480.el9"), ("vars", "0:1.05-480.el9")]
    binaries = [package(f"rpm/perl-{name}@{version}", source="perl") for name, version in installed]
    groups = group_by_fix(run(memory, *binaries).findings)
    assert sorted((group.package, group.version, group.names) for group in groups) == [
        ("perl", "0:1.05-481.el9", ("perl-vars",)),
        ("perl", "0:1.30-481.el9", ("perl-Errno",)),
        ("perl", "4:5.32.1-481.el9", ("perl-interpreter", "perl-libs")),
    ]


def test_a_crowd_does_not_bury_what_is_exploited() -> None:
    crowd = [f"CVE-2026-{number}" for number in range(1000, 1040)]
    memory = Memory(
        *(affected(cve, "npm", "crowded", "0..2.0.0") for cve in crowd),
        affected("CVE-2024-1000", "npm", "critical", "0..2.0.0"),
        facts("CVE-2024-1000", 9.8, epss=0.97),
    )
    matches = run(memory, package("npm/crowded@1.0.0"), package("npm/critical@1.0.0"))
    first, second = group_by_fix(matches.findings)
    assert (first.package, second.package) == ("critical", "crowded")
    assert len(second.defects) == 40
    assert sum(one.priority for one in second.defects) > 5 * sum(one.priority for one in first.defects)


def test_risk_is_the_sum_of_cubes_each_id_once() -> None:
    finding = _one(facts("CVE-2024-1000", 9.8))
    ranked = [replace(finding, id=name, priority=priority) for name, priority in (("a", 100), ("a", 40), ("b", 50))]
    assert risk(ranked) == 112.5
    assert [(one.id, one.priority) for one in distinct(ranked)] == [("a", 100), ("b", 50)]
    assert risk(ranked[1:]) == pytest.approx(6.4 + 12.5)
    assert risk([]) == 0


def test_upgrades_for_subscribers_stand_apart() -> None:
    ecosystem = "Ubuntu:22.04:LTS"
    memory = Memory(
        affected("CVE-2024-1000", ecosystem, "thing", "0..2"),
        affected("CVE-2024-2000", ecosystem, "thing", "0..2+esm1", channel="pro"),
    )
    groups = group_by_fix(run(memory, package("deb/thing@1", ecosystem=ecosystem)).findings)
    assert sorted((group.version, group.paid) for group in groups) == [("2", False), ("2+esm1", True)]
