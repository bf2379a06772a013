"""Distributions: keys, states, module streams, and one finding for each CVE of an advisory."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.matching_memory import BOOKWORM, Memory, affected, facts, ids, package, record, run, slugs
from thwart.core.advisory import Severity
from thwart.core.package import Release


def test_debian_is_asked_for_the_source_in_its_own_version() -> None:
    memory = Memory(
        affected("DSA-1-1", "Debian:12", "gcc-defaults", "0..1.200"),
        affected("DSA-2-1", "Debian:12", "gcc", "0.."),
        record("DSA-1-1", upstream=("CVE-2024-1000",)),
        record("DSA-2-1", upstream=("CVE-2024-2000",)),
    )
    gcc = package("deb/gcc@4:12.2.0-3", source="gcc-defaults", source_version="1.199")
    (finding,) = run(memory, gcc).findings
    assert finding.id == "CVE-2024-1000"
    assert finding.fix is not None
    assert (finding.fix.package, finding.fix.title) == ("gcc-defaults", "upgrade gcc-defaults to 1.200")


@pytest.mark.parametrize(
    ("version", "hit"), [("1.2-3+b4", False), ("1.2-2+b9", True), ("1.2-3", False), ("1.2-2", True)]
)
def test_a_binary_rebuild_is_the_same_source(version: str, hit: bool) -> None:
    memory = Memory(
        affected("DSA-1-1", "Debian:12", "thing", "0..1.2-3"), record("DSA-1-1", upstream=("CVE-2024-1000",))
    )
    assert bool(run(memory, package(f"deb/thing@{version}", source="thing", source_version=version)).findings) is hit


def test_an_advisory_is_one_finding_for_each_cve_that_it_covers() -> None:
    memory = Memory(
        affected("DSA-1-1", "Debian:12", "thing", "0..1.2-3"),
        affected("DEBIAN-CVE-2024-1000", "Debian:12", "thing", "0..1.2-3"),
        record("DSA-1-1", upstream=("CVE-2024-1000", "CVE-2024-2000", "DEBIAN-CVE-2024-1000")),
        record("DEBIAN-CVE-2024-1000", upstream=("CVE-2024-1000",)),
    )
    findings = {finding.id: finding for finding in run(memory, package("deb/thing@1.2-2")).findings}
    assert set(findings) == {"CVE-2024-1000", "CVE-2024-2000"}
    assert findings["CVE-2024-1000"].advisories == ("DEBIAN-CVE-2024-1000", "DSA-1-1")
    assert findings["CVE-2024-2000"].advisories == ("DSA-1-1",)
    assert findings["CVE-2024-2000"].aliases == ()


def test_an_advisory_without_a_cve_is_a_finding_of_its_own() -> None:
    memory = Memory(affected("DSA-1-1", "Debian:12", "thing", "0..1.2-3"), record("DSA-1-1"))
    assert ids(run(memory, package("deb/thing@1.2-2"))) == ["DSA-1-1"]


@pytest.mark.parametrize(
    ("status", "state", "severity", "confidence"),
    [
        ("", "unfixed", Severity.HIGH, "high"),
        ("no-dsa", "unfixed", Severity.HIGH, "high"),
        ("postponed", "unfixed", Severity.HIGH, "high"),
        ("ignored", "will-not-fix", Severity.HIGH, "high"),
        ("will-not-fix", "will-not-fix", Severity.HIGH, "high"),
        ("end-of-life", "end-of-life", Severity.HIGH, "high"),
        ("unimportant", "unfixed", Severity.NEGLIGIBLE, "high"),
        ("undetermined", "unknown", Severity.HIGH, "low"),
        ("needs-triage", "unknown", Severity.HIGH, "medium"),
        ("a-new-word", "unfixed", Severity.HIGH, "high"),
    ],
)
def test_the_vendors_word_is_kept_and_gives_the_state(
    status: str, state: str, severity: Severity, confidence: str
) -> None:
    memory = Memory(
        affected("DEBIAN-CVE-2024-1000", "Debian:12", "thing", "0..", status=status), facts("CVE-2024-1000", 7.5)
    )
    (finding,) = run(memory, package("deb/thing@1.2-2")).findings
    assert (finding.state, finding.status, finding.severity, finding.confidence) == (
        state,
        status,
        severity,
        confidence,
    )


def test_not_affected_is_no_finding() -> None:
    memory = Memory(affected("DEBIAN-CVE-2024-1000", "Debian:12", "thing", "0..", status="not-affected"))
    assert run(memory, package("deb/thing@1.2-2")) == ((), (), ())


def test_a_fix_ends_the_vendors_open_statements_but_not_other_fixes() -> None:
    open_statement = affected("DEBIAN-CVE-2024-1000", "Debian:12", "thing", "0..", status="no-dsa")
    old = affected("DSA-1-1", "Debian:12", "thing", "0..1.2-3")
    newer = affected("DSA-1-2", "Debian:12", "thing", "0..1.2-5")
    records = [record(name, upstream=("CVE-2024-1000",)) for name in ("DSA-1-1", "DSA-1-2")]
    assert not run(Memory(open_statement, old, *records), package("deb/thing@1.2-3")).findings
    (finding,) = run(Memory(open_statement, old, newer, *records), package("deb/thing@1.2-3")).findings
    assert finding.fix is not None
    assert (finding.state, finding.fix.version) == ("fixed", "1.2-5")
    (finding,) = run(Memory(open_statement, old, *records), package("deb/thing@1.2-2")).findings
    assert finding.fix is not None
    assert finding.fix.version == "1.2-3"


def test_a_point_release_is_its_release() -> None:
    memory = Memory(affected("DSA-1-1", "Debian:12", "thing", "0..2"), record("DSA-1-1"))
    assert ids(run(memory, package("deb/thing@1", ecosystem="Debian:12.5"))) == ["DSA-1-1"]
    assert slugs(run(memory, package("deb/thing@1", ecosystem="Debian:1"))) == ["no-advisories"]


JAMMY = "Ubuntu:22.04:LTS"
PRO = "Ubuntu:Pro:22.04:LTS"


@pytest.mark.parametrize("ecosystem", [JAMMY, "Ubuntu:22.04"])
@pytest.mark.parametrize(
    ("version", "state", "fixed"),
    [
        ("1.2-3ubuntu1", "fixed-pro", "1.2-3ubuntu1+esm1"),
        ("1.2-3ubuntu1+esm1", None, ""),
    ],
)
def test_a_fix_for_subscribers_is_told_apart(ecosystem: str, version: str, state: str | None, fixed: str) -> None:
    memory = Memory(
        affected("UBUNTU-CVE-2024-1000", JAMMY, "thing", "0..", status="ignored"),
        affected("UBUNTU-CVE-2024-1000", PRO, "thing", "0..1.2-3ubuntu1+esm1", channel="pro"),
        affected("UBUNTU-CVE-2024-1000", "Ubuntu:Pro:FIPS:22.04:LTS", "thing", "0..9+fips", channel="pro-fips"),
    )
    findings = run(memory, package(f"deb/thing@{version}", ecosystem=ecosystem)).findings
    assert [finding.state for finding in findings] == ([state] if state else [])
    for finding in findings:
        assert finding.fix is not None
        assert (finding.fix.version, finding.fix.paid) == (fixed, True)


def test_a_pro_statement_on_a_fix_that_everybody_got_is_an_ordinary_fix() -> None:
    memory = Memory(affected("UBUNTU-CVE-2024-1000", PRO, "thing", "0..1.2-3ubuntu2", channel="pro"))
    (finding,) = run(memory, package("deb/thing@1.2-3ubuntu1", ecosystem=JAMMY)).findings
    assert finding.state == "fixed"


def test_a_free_fix_is_named_before_one_for_subscribers() -> None:
    memory = Memory(
        affected("UBUNTU-CVE-2024-1000", JAMMY, "thing", "0..1.2-3ubuntu2"),
        affected("UBUNTU-CVE-2024-1000", JAMMY, "thing", "0..1.2-3ubuntu1+esm1", channel="pro"),
    )
    (finding,) = run(memory, package("deb/thing@1.2-3ubuntu1", ecosystem=JAMMY)).findings
    assert finding.fix is not None
    assert (finding.state, finding.fix.version) == ("fixed", "1.2-3ubuntu2")


def test_the_end_of_standard_support_is_no_decision() -> None:
    status = "ignored (end of standard support)"
    memory = Memory(affected("UBUNTU-CVE-2024-1000", JAMMY, "thing", "0..", status=status))
    (finding,) = run(memory, package("deb/thing@1", ecosystem=JAMMY)).findings
    assert (finding.state, finding.status) == ("end-of-life", status)


def test_apk_is_asked_for_origin_and_package() -> None:
    memory = Memory(
        affected("CVE-2024-1000", "Alpine:v3.20", "openssl", "0..3.3.1-r0"),
        affected("CVE-2024-2000", "Alpine:v3.20", "libssl3", "0..3.3.1-r0"),
        affected("CVE-2024-3000", "Alpine:v3.20", "openssl", "0..0"),
        affected("CVE-2024-4000", "Alpine:v3.19", "openssl", "0..9"),
    )
    libssl = package("apk/libssl3@3.3.0-r2", source="openssl", source_version="3.3.0-r2")
    matches = run(memory, libssl)
    assert ids(matches) == ["CVE-2024-1000", "CVE-2024-2000"]
    assert {finding.fix.package for finding in matches.findings if finding.fix} == {"openssl"}
    assert ids(run(memory, package("apk/openssl@3.3.0-r2", ecosystem="Alpine:3.20.1"))) == ["CVE-2024-1000"]


def test_a_record_with_two_names_for_one_thing_is_one_finding() -> None:
    memory = Memory(
        affected("CGA-1", "Wolfi", "thing", "0..2-r0"),
        record("CGA-1", upstream=("CVE-2024-1000", "GHSA-aaaa-bbbb-cccc")),
    )
    (finding,) = run(memory, package("apk/thing@1-r0", ecosystem="Wolfi")).findings
    assert (finding.id, finding.aliases) == ("CVE-2024-1000", ("GHSA-aaaa-bbbb-cccc",))


def test_a_never_affected_version_ends_an_open_statement() -> None:
    memory = Memory(
        affected("CGA-1", "Wolfi", "thing", "0.."),
        affected("CVE-2024-1000", "Wolfi", "thing", status="not-affected"),
        record("CGA-1", upstream=("CVE-2024-1000",)),
    )
    assert not run(memory, package("apk/thing@1-r0", ecosystem="Wolfi")).findings


def _node(version: str, stream: str = "") -> Any:
    module = f"nodejs:{stream}:8090020240101:ad008a3a" if stream else ""
    return package(f"rpm/nodejs@{version}", module=module, arch="x86_64")


_UNNAMED = ("1:18.12.1-2.module_el8.7.0+3+abc", "", ["CVE-2024-1018"])
_NAMED = [
    ("1:18.12.1-2.module_el8.7.0+3+abc", "18", ["CVE-2024-1018"]),
    ("1:18.14.2-3.module_el8.7.0+3+abc", "18", []),
    ("1:16.18.1-3.module_el8.7.0+3+abc", "16", ["CVE-2024-1016"]),
    ("1:10.24.0-1.el8", "", ["CVE-2024-1000"]),
]


@pytest.mark.parametrize(
    ("channels", "installed", "stream", "hits"),
    [
        *((("nodejs:16", "nodejs:18"), *case) for case in [*_NAMED, _UNNAMED]),
        *((("", ""), *case) for case in _NAMED),
    ],
)
def test_modules_compare_within_their_stream(
    channels: tuple[str, str], installed: str, stream: str, hits: list[str]
) -> None:
    memory = Memory(
        affected("ALSA-1", "AlmaLinux:9", "nodejs", "0..1:16.19.1-1.module_el8.7.0+9+def", channel=channels[0]),
        affected("ALSA-2", "AlmaLinux:9", "nodejs", "0..1:18.14.2-2.module_el8.7.0+9+def", channel=channels[1]),
        affected("ALSA-3", "AlmaLinux:9", "nodejs", "0..1:10.24.0-2.el8"),
        record("ALSA-1", related=("CVE-2024-1016",)),
        record("ALSA-2", related=("CVE-2024-1018",)),
        record("ALSA-3", related=("CVE-2024-1000",)),
    )
    assert ids(run(memory, _node(installed, stream))) == hits


def test_streams_that_nobody_names_are_compared_with_low_confidence() -> None:
    memory = Memory(
        affected("ALSA-2", "AlmaLinux:9", "nodejs", "0..1:18.14.2-2.module_el8.7.0+9+def"),
        record("ALSA-2", related=("CVE-2024-1018",)),
    )
    (finding,) = run(memory, _node("1:18.12.1-2.module_el8.7.0+3+abc")).findings
    assert finding.confidence == "low"


def test_any_build_of_an_erratum_mends() -> None:
    memory = Memory(
        affected("ALSA-1", "AlmaLinux:9", "thing", "0..1.2-3.el8"),
        affected("ALSA-1", "AlmaLinux:9", "thing", "0..1.2-3.el8.alma"),
        record("ALSA-1", related=("CVE-2024-1000",)),
    )
    assert not run(memory, package("rpm/thing@1.2-3.el8")).findings
    (finding,) = run(memory, package("rpm/thing@1.2-2.el8")).findings
    assert finding.fix is not None
    assert finding.fix.version == "1.2-3.el8"


def test_a_missing_epoch_is_zero_and_architectures_count() -> None:
    memory = Memory(
        affected("ALSA-1", "AlmaLinux:9", "thing", "0..0:1.2-3.el9", arches=("s390x",)),
        affected("ALSA-2", "AlmaLinux:9", "thing", "0..0:1.2-3.el9", arches=("x86_64", "aarch64")),
        record("ALSA-1", related=("CVE-2024-1000",)),
        record("ALSA-2", related=("CVE-2024-2000",)),
    )
    assert ids(run(memory, package("rpm/thing@1.2-2.el9", arch="x86_64"))) == ["CVE-2024-2000"]
    assert not run(memory, package("rpm/thing@1.2-3.el9", arch="x86_64")).findings


def test_bug_fix_errata_are_no_findings() -> None:
    memory = Memory(
        affected("ALBA-2024:1", "AlmaLinux:9", "thing", "0..2-1"),
        affected("ALEA-2024:2", "AlmaLinux:9", "thing", "0..2-1"),
        affected("ALBA-2024:3", "AlmaLinux:9", "thing", "0..2-1"),
        record("ALBA-2024:1"),
        record("ALEA-2024:2"),
        record("ALBA-2024:3", related=("CVE-2024-1000",)),
    )
    assert ids(run(memory, package("rpm/thing@1-1"))) == ["CVE-2024-1000"]


def test_rocky_names_sources_and_a_source_rpm_has_no_epoch() -> None:
    memory = Memory(
        affected("RLSA-1", "Rocky Linux:9", "java-11-openjdk", "0..1:11.0.25.0.9-2.el9"),
        record("RLSA-1", related=("CVE-2024-1000",)),
    )
    names = {"source": "java-11-openjdk", "source_version": "11.0.25.0.9-2.el9", "ecosystem": "Rocky Linux:9"}
    assert not run(memory, package("rpm/java-11-openjdk-headless@1:11.0.25.0.9-2.el9", **names)).findings
    names["source_version"] = "11.0.24.0.8-2.el9"
    assert ids(run(memory, package("rpm/java-11-openjdk-headless@1:11.0.24.0.8-2.el9", **names))) == ["CVE-2024-1000"]


def test_red_hat_is_asked_for_the_main_product_in_all_its_repositories() -> None:
    memory = Memory(
        affected("RHSA-1", "Red Hat:enterprise_linux:9::appstream", "podman", "0..2:4.9-1.el9"),
        affected("RHSA-2", "Red Hat:rhel_eus:9.2::appstream", "podman", "0..2:4.9-1.el9_2"),
        record("RHSA-1", related=("CVE-2024-1000",)),
        record("RHSA-2", related=("CVE-2024-2000",)),
    )
    assert ids(run(memory, package("rpm/podman@2:4.8-1.el9", ecosystem="Red Hat:enterprise_linux:9"))) == [
        "CVE-2024-1000"
    ]


def test_ksplice_builds_compare_among_themselves() -> None:
    memory = Memory(
        affected("ELSA-1", "Oracle Linux:8", "glibc", "0..2:2.28-236.0.1.ksplice1.el8"),
        affected("ELSA-2", "Oracle Linux:8", "glibc", "0..2.28-236.el8"),
        record("ELSA-1", upstream=("CVE-2024-1000",)),
        record("ELSA-2", upstream=("CVE-2024-2000",)),
    )
    plain = package("rpm/glibc@2.28-230.el8", ecosystem="Oracle Linux:8")
    assert ids(run(memory, plain)) == ["CVE-2024-2000"]
    live = package("rpm/glibc@2:2.28-230.0.1.ksplice1.el8", ecosystem="Oracle Linux:8")
    assert ids(run(memory, live)) == ["CVE-2024-1000"]


def test_suse_is_asked_for_the_product_and_its_modules_by_source_and_package() -> None:
    memory = Memory(
        affected("SUSE-SU-1", "SUSE:Linux Enterprise Module for Basesystem 15 SP5", "openssl-1_1", "0..1.1.1l-2"),
        affected("SUSE-SU-2", "SUSE:Linux Enterprise Module for Basesystem 15 SP4", "openssl-1_1", "0..1.1.1l-2"),
        affected("SUSE-SU-3", "SUSE:Linux Enterprise Server 15 SP5", "libopenssl1_1", "0..1.1.1l-2"),
        affected("SUSE-RU-4", "SUSE:Linux Enterprise Server 15 SP5", "libopenssl1_1", "0..1.1.1l-2"),
        record("SUSE-SU-1", upstream=("CVE-2024-1000",)),
        record("SUSE-SU-2", upstream=("CVE-2024-2000",)),
        record("SUSE-SU-3", upstream=("CVE-2024-3000",)),
        record("SUSE-RU-4"),
    )
    ssl = package("rpm/libopenssl1_1@1.1.1l-1", source="openssl-1_1", ecosystem="SUSE:Linux Enterprise Server 15 SP5")
    assert ids(run(memory, ssl)) == ["CVE-2024-1000", "CVE-2024-3000"]


def test_an_unknown_release_is_said() -> None:
    memory = Memory(known=("Debian:12", "PyPI"))
    fedora = Release(id="fedora", version="40", name="Fedora Linux 40", ecosystem="Fedora:40")
    matches = run(memory, package("rpm/thing@1-1", ecosystem=""), package("pypi/thing@1.0"), release=fedora)
    (diagnostic,) = matches.diagnostics
    assert (diagnostic.slug, diagnostic.incomplete) == ("no-advisories", True)
    assert "Fedora Linux 40" in diagnostic.message
    assert slugs(run(memory, package("deb/thing@1-1", ecosystem=""))) == ["no-advisories"]
    assert slugs(run(memory, package("alpm/thing@1-1", ecosystem=""))) == ["no-advisories"]


def test_a_package_without_an_ecosystem_has_that_of_the_release() -> None:
    memory = Memory(affected("DSA-1-1", "Debian:12", "thing", "0..2"), record("DSA-1-1"))
    assert ids(run(memory, package("deb/thing@1", ecosystem=""), release=BOOKWORM)) == ["DSA-1-1"]


def test_the_end_of_support_is_said_and_makes_nothing_incomplete() -> None:
    from datetime import date

    memory = Memory(known=("Debian:12",))
    memory.ends["debian", "12"] = date(2026, 6, 10)
    matches = run(memory, package("deb/thing@1"), release=BOOKWORM)
    assert [(one.slug, one.incomplete) for one in matches.diagnostics] == [("end-of-life", False)]
    memory.ends["debian", "12"] = date(2026, 11, 23)
    assert not run(memory, package("deb/thing@1"), release=BOOKWORM).diagnostics
