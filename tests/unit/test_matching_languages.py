"""Language ecosystems: keys, versions, aliases, notices, and what a distribution's word does to them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.matching_memory import BOOKWORM, Memory, affected, facts, ids, package, record, run, slugs
from thwart.core.advisory import Severity
from thwart.core.package import Release
from thwart.matching.naming import covered, groups, ranked


@pytest.mark.parametrize(
    ("purl", "more", "ecosystem", "name", "fixed"),
    [
        ("pypi/Ruamel.YAML_Clib@0.2.0", {}, "PyPI", "ruamel-yaml-clib", "0.2.1"),
        ("npm/core@1.0.0", {"namespace": "@angular"}, "npm", "@angular/core", "1.0.1"),
        (
            "maven/log4j-core@2.14.1",
            {"namespace": "org.apache.logging"},
            "Maven",
            "org.apache.logging:log4j-core",
            "2.15",
        ),
        ("maven/spring@5.2.20", {}, "Maven", "spring", "5.2.21.RELEASE"),
        ("golang/yaml@v2.2.2", {"namespace": "gopkg.in"}, "Go", "gopkg.in/yaml", "2.2.8"),
        ("golang/example.com/m/v2@v2.0.0+incompatible", {}, "Go", "example.com/m/v2", "2.0.1"),
        ("golang/stdlib@1.21.3", {}, "Go", "stdlib", "1.21.4"),
        ("golang/stdlib@go1.22rc1", {}, "Go", "stdlib", "1.22.0-rc.2"),
        ("golang/stdlib@go1.21.3 X:boringcrypto", {}, "Go", "stdlib", "1.21.4"),
        ("gem/nokogiri@1.13.0-x86_64-linux", {}, "RubyGems", "nokogiri", "1.13.1"),
        ("gem/nokogiri@1.13.0-java", {}, "RubyGems", "nokogiri", "1.13.1"),
        ("nuget/Newtonsoft.Json@12.0.1.0", {}, "NuGet", "newtonsoft.json", "13.0.1"),
        ("composer/Framework@v5.1.0", {"namespace": "Laravel"}, "Packagist", "laravel/framework", "5.1.1"),
        ("cargo/hyper@0.9.3", {}, "crates.io", "hyper", "0.9.4"),
        ("bitnami/wordpress@6.1.0-5", {}, "Bitnami", "wordpress", "6.1.1"),
    ],
)
def test_names_and_versions_are_the_ecosystems_own(
    purl: str, more: dict[str, str], ecosystem: str, name: str, fixed: str
) -> None:
    memory = Memory(affected("GHSA-1", ecosystem, name, f"0..{fixed}"), record("GHSA-1"))
    assert ids(run(memory, package(purl, **more))) == ["GHSA-1"]


@pytest.mark.parametrize(
    ("purl", "ecosystem", "name", "fixed"),
    [
        ("bitnami/wordpress@6.1.1-5", "Bitnami", "wordpress", "6.1.1"),
        ("gem/nokogiri@1.13.1-x86_64-linux", "RubyGems", "nokogiri", "1.13.1"),
        ("golang/stdlib@go1.21.4", "Go", "stdlib", "1.21.4"),
        ("maven/spring@5.2.20", "Maven", "spring", "5.2.20.RELEASE"),
        ("npm/Thing@1.0.0", "npm", "thing", "2.0.0"),
    ],
)
def test_what_is_fixed_or_named_otherwise_is_no_finding(purl: str, ecosystem: str, name: str, fixed: str) -> None:
    memory = Memory(affected("GHSA-1", ecosystem, name, f"0..{fixed}"), record("GHSA-1"))
    assert run(memory, package(purl)) == ((), (), ())


def test_go_titles_say_how_to_upgrade() -> None:
    memory = Memory(
        affected("GO-1", "Go", "stdlib", "0..1.21.4"),
        affected("GO-2", "Go", "golang.org/x/net", "0..0.17.0"),
        record("GO-1"),
        record("GO-2"),
    )
    matches = run(memory, package("golang/stdlib@go1.21.3"), package("golang/net@v0.1.0", namespace="golang.org/x"))
    titles = {finding.id: finding.fix.title for finding in matches.findings if finding.fix}
    assert titles == {"GO-1": "rebuild with Go 1.21.4", "GO-2": "upgrade golang.org/x/net to v0.17.0"}


@pytest.mark.parametrize("version", ["(devel)", "", "devel go1.23-abc", "unknown"])
def test_packages_without_a_version_are_said(version: str) -> None:
    memory = Memory(affected("GO-1", "Go", "stdlib", "0..1.21.4"), record("GO-1"), known=("Go",))
    own = run(memory, package(f"golang/app@{version}", namespace="example.com/acme"))
    assert [(one.slug, one.incomplete) for one in own.diagnostics] == [("no-version", False)]
    assert "example.com/acme/app" in own.diagnostics[0].message
    standard = run(memory, package(f"golang/stdlib@{version}"))
    assert [(one.slug, one.incomplete) for one in standard.diagnostics] == [("no-version", True)]
    assert standard.diagnostics[0].message == "stdlib has no version, so its advisories could not be applied"
    assert not standard.findings


def test_packages_without_a_version_are_told_in_plain_words() -> None:
    memory = Memory(affected("GHSA-1", "npm", "a", "0..2"), affected("GHSA-2", "npm", "b", "0..2"))

    def told(*names: str) -> list[str]:
        return [one.message for one in run(memory, *(package(f"npm/{name}@") for name in names)).diagnostics]

    assert told("x") == ["x has no version, but no advisory names it"]
    assert told("x", "y") == ["x, y have no version, but no advisory names any of them"]
    assert told("x", "x") == told("x")
    assert told("a", "b") == ["a, b have no version, so their advisories could not be applied"]
    assert told("a", "x") == [
        "a has no version, so its advisories could not be applied; x has no version, but no advisory names it"
    ]


def test_ecosystems_without_advisories_are_said() -> None:
    memory = Memory(known=("PyPI",))
    matches = run(
        memory, package("cran/tm@1.0"), package("generic/thing@1.0"), package("pypi/fine@1.0"), package("npm/a@1.0.0")
    )
    assert slugs(matches) == ["unsupported-ecosystem"] * 3
    assert all(one.incomplete for one in matches.diagnostics)
    assert "cran" in matches.diagnostics[0].message


def test_unreviewed_advisories_weigh_less() -> None:
    memory = Memory(
        affected("GO-1", "Go", "example.com/m", "0..1.5.0"),
        affected("GO-2", "Go", "example.com/m", "0.."),
        affected("GO-3", "Go", "example.com/m", "0..1.5.0"),
        affected("GO-4", "Go", "example.com/m", "0..9", status="undetermined"),
        record("GO-1"),
        record("GO-2", reviewed=False),
        record("GO-3", reviewed=False),
        record("GO-4", reviewed=False),
    )
    found = {finding.id: finding.confidence for finding in run(memory, package("golang/example.com/m@v1.0.0")).findings}
    assert found == {"GO-1": "high", "GO-2": "low", "GO-3": "medium", "GO-4": "low"}
    commit = run(memory, package("golang/example.com/m@v0.0.0-20240101120000-abcdefabcdef"))
    assert "GO-4" not in ids(commit)


def test_confidence_of_the_package_is_carried() -> None:
    memory = Memory(affected("GHSA-1", "Maven", "a:b", "0..2"), record("GHSA-1"))
    (finding,) = run(memory, package("maven/b@1", namespace="a", confidence="medium")).findings
    assert finding.confidence == "medium"


def test_aliases_are_one_finding_named_by_the_cve() -> None:
    memory = Memory(
        affected("GHSA-aaaa", "PyPI", "thing", "0..2.0"),
        affected("PYSEC-2024-1", "PyPI", "thing", "0..2.0"),
        affected("OTHER-1", "PyPI", "thing", "0..2.0"),
        affected("PYSEC-2024-9", "PyPI", "thing", "0..2.0"),
        record("GHSA-aaaa", aliases=("CVE-2024-1000",), related=("PYSEC-2024-9",)),
        record("PYSEC-2024-1", aliases=("CVE-2024-1000", "OTHER-1")),
        record("OTHER-1"),
        record("PYSEC-2024-9", upstream=("CVE-2024-1000",)),
    )
    findings = {finding.id: finding for finding in run(memory, package("pypi/thing@1.0")).findings}
    assert set(findings) == {"CVE-2024-1000", "PYSEC-2024-9"}
    assert findings["CVE-2024-1000"].aliases == ("GHSA-aaaa", "OTHER-1", "PYSEC-2024-1")
    assert findings["CVE-2024-1000"].advisories == ("GHSA-aaaa", "OTHER-1", "PYSEC-2024-1")


def test_a_record_of_several_defects_is_not_called_by_one_that_the_version_has_not() -> None:
    memory = Memory(
        affected("RETIRE-1", "npm", "thing", "0..3.0.0"),
        record("RETIRE-1", aliases=("CVE-2021-1000", "CVE-2026-2000")),
        affected("GHSA-old", "npm", "thing", "0..2.0.0"),
        record("GHSA-old", aliases=("CVE-2021-1000",)),
    )
    assert ids(run(memory, package("npm/thing@2.5.0"))) == ["CVE-2026-2000"]
    assert ids(run(memory, package("npm/thing@1.0.0"))) == ["CVE-2021-1000", "CVE-2026-2000"]


def test_a_record_that_does_not_match_joins_nothing() -> None:
    memory = Memory(
        affected("GHSA-aaaa", "PyPI", "thing", "0..2.0"),
        affected("GHSA-bbbb", "PyPI", "thing", "0..2.0"),
        affected("BRIDGE-1", "PyPI", "thing", "5.0..6.0"),
        record("GHSA-aaaa"),
        record("GHSA-bbbb"),
        record("BRIDGE-1", aliases=("GHSA-aaaa", "GHSA-bbbb")),
    )
    assert ids(run(memory, package("pypi/thing@1.0"))) == ["GHSA-aaaa", "GHSA-bbbb"]


def test_two_cves_are_two_findings_where_records_tell_them_apart() -> None:
    memory = Memory(
        affected("GHSA-aaaa", "npm", "thing", "0..2.0.0"),
        affected("GHSA-bbbb", "npm", "thing", "0..3.0.0"),
        affected("BOTH-1", "npm", "thing", "0..2.0.0"),
        affected("NEAR-1", "npm", "thing", "0..2.0.0"),
        record("GHSA-aaaa", aliases=("CVE-2021-1000",)),
        record("GHSA-bbbb", aliases=("CVE-2026-2000",)),
        record("BOTH-1", aliases=("CVE-2021-1000", "CVE-2026-2000")),
        record("NEAR-1", aliases=("GHSA-bbbb",)),
    )
    findings = {finding.id: finding for finding in run(memory, package("npm/thing@1.0.0")).findings}
    assert {name: (found.aliases, found.fix.version) for name, found in findings.items() if found.fix} == {
        "CVE-2021-1000": (("GHSA-aaaa", "BOTH-1"), "2.0.0"),
        "CVE-2026-2000": (("GHSA-bbbb", "BOTH-1", "NEAR-1"), "3.0.0"),
    }


def test_two_cves_that_nothing_tells_apart_are_one_finding() -> None:
    memory = Memory(
        affected("GHSA-aaaa", "npm", "thing", "0..2.0.0"),
        record("GHSA-aaaa", aliases=("CVE-2026-2000", "CVE-2021-1000")),
    )
    (finding,) = run(memory, package("npm/thing@1.0.0")).findings
    assert (finding.id, finding.aliases) == ("CVE-2021-1000", ("CVE-2026-2000", "GHSA-aaaa"))


@given(st.dictionaries(st.integers(0, 9), st.lists(st.integers(0, 9), max_size=3), max_size=12), st.booleans())
def test_groups_do_not_depend_on_order(links: dict[int, list[int]], cves: bool) -> None:
    def name(number: int) -> str:
        return f"CVE-2024-{1000 + number}" if cves and number % 2 else f"A-{number}"

    records = {name(own): record(name(own), aliases=tuple(map(name, others))) for own, others in links.items()}
    forward = groups(records)
    assert sorted(forward) == sorted(groups(dict(reversed(records.items()))))
    assert set().union(*(group.records for group in forward)) == records.keys()
    assert {name for group in forward for name in group.names} >= records.keys()
    assert len({group.names[0] for group in forward}) == len(forward)


def test_names_are_ranked_by_year_and_number() -> None:
    names = ["GHSA-1", "CVE-2024-10000", "CVE-2024-9999", "PYSEC-1", "CVE-2019-1", "CVE-2019-1000"]
    assert ranked(names) == ["CVE-2019-1000", "CVE-2024-9999", "CVE-2024-10000", "GHSA-1", "CVE-2019-1", "PYSEC-1"]


@pytest.mark.parametrize(
    ("advisory", "made_from", "names", "further"),
    [
        ("UBUNTU-CVE-2024-1000", {}, ("CVE-2024-1000",), ()),
        ("CVE-2024-1000", {"upstream": ("CVE-2024-2000",)}, ("CVE-2024-1000",), ()),
        ("RHSA-1", {"related": ("CVE-2024-1000", "CVE-2024-2000")}, ("CVE-2024-1000", "CVE-2024-2000"), ()),
        ("DSA-1", {"upstream": ("CVE-2024-1000",), "related": ("CVE-2024-9000",)}, ("CVE-2024-1000",), ()),
        ("CGA-1", {"upstream": ("GHSA-1",)}, ("GHSA-1",), ("GHSA-1",)),
        ("RHBA-1", {}, (), ()),
    ],
)
def test_what_a_distributions_record_covers(
    advisory: str, made_from: dict[str, tuple[str, ...]], names: tuple[str, ...], further: tuple[str, ...]
) -> None:
    assert covered(advisory, record(advisory, **made_from)) == (names, further)


def test_informational_crates_are_notices() -> None:
    memory = Memory(
        affected("RUSTSEC-1", "crates.io", "thing", "0.0.0-0.."), record("RUSTSEC-1", informational="unmaintained")
    )
    (finding,) = run(memory, package("cargo/thing@1.0.0")).findings
    assert (finding.kind, finding.severity) == ("notice", Severity.NEGLIGIBLE)
    assert "not a vulnerability" in " ".join(finding.because)


def test_statements_on_other_operating_systems_are_set_aside() -> None:
    memory = Memory(
        affected("RUSTSEC-1", "crates.io", "thing", "0..2.0.0", systems=("windows",)),
        affected("RUSTSEC-2", "crates.io", "thing", "0..2.0.0", systems=("linux", "macos")),
        record("RUSTSEC-1"),
        record("RUSTSEC-2"),
    )
    matches = run(memory, package("cargo/thing@1.0.0"))
    assert ids(matches) == ["RUSTSEC-2"]
    (aside,) = matches.suppressed
    assert (aside.finding.id, aside.by) == ("RUSTSEC-1", "vendor")
    assert "windows" in aside.reason


def test_rejected_cves_are_set_aside() -> None:
    memory = Memory(
        affected("GHSA-1", "npm", "thing", "0..2.0.0"),
        record("GHSA-1", aliases=("CVE-2024-1000",)),
        facts("CVE-2024-1000", 9.8, rejected=True),
    )
    (aside,) = run(memory, package("npm/thing@1.0.0")).suppressed
    assert (aside.by, aside.reason) == ("vendor", "CVE-2024-1000 was rejected by the CVE programme")


# -- a distribution outranks upstream on what it installed ------------------------------------------------------------

_YAML = package("pypi/PyYAML@5.3", owner="python3-yaml")
_OWNER = package("deb/python3-yaml@5.3-1", source="pyyaml", source_version="5.3-1")


def _owned(*more: object) -> Memory:
    parts = [affected("GHSA-1", "PyPI", "pyyaml", "0..5.4"), record("GHSA-1", aliases=("CVE-2020-14343",)), *more]
    return Memory(*parts, known=("Debian:12",))  # type: ignore[arg-type]


def test_a_distribution_of_which_only_a_part_is_known_decides_but_not_in_silence() -> None:
    memory = _owned()
    memory.parts.add("Debian:12")
    matches = run(memory, _YAML, _OWNER)
    assert (ids(matches), [one.by for one in matches.suppressed]) == ([], ["distribution"])
    (told,) = [one for one in matches.diagnostics if one.slug == "distribution-silent"]
    assert told.incomplete
    assert "python3-yaml" in told.message
    spoken = _owned(affected("DEBIAN-CVE-1999-1", "Debian:12", "pyyaml", "0..1"))
    spoken.parts.add("Debian:12")
    assert "distribution-silent" not in [one.slug for one in run(spoken, _YAML, _OWNER).diagnostics]


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        (None, "whose advisories decide: Debian lists none"),
        (affected("DEBIAN-CVE-2020-14343", "Debian:12", "pyyaml", "0..5.3-1"), "in which Debian has fixed it"),
        (
            affected("DEBIAN-CVE-2020-14343", "Debian:12", "pyyaml", status="not-affected"),
            "which Debian says is not affected",
        ),
        (affected("DEBIAN-CVE-2020-14343", "Debian:12", "pyyaml", "0..5.3-2"), "for which Debian reports it"),
    ],
)
def test_a_distribution_decides_on_what_it_installed(statement: object, reason: str) -> None:
    matches = run(_owned(*([statement] if statement else [])), _YAML, _OWNER, release=BOOKWORM)
    (aside,) = matches.suppressed
    assert aside.by == "distribution"
    assert aside.reason.startswith("installed by deb python3-yaml")
    assert reason in aside.reason
    assert aside.finding.package is _YAML
    reported = "reports it" in reason
    assert [(f.id, f.package) for f in matches.findings] == ([("CVE-2020-14343", _OWNER)] if reported else [])


def test_upstream_stays_where_nobody_speaks_for_the_owner() -> None:
    unknown = Release(id="kali", name="Kali", ecosystem="")
    owner = package("deb/python3-yaml@5.3-1", ecosystem="")
    matches = run(_owned(), _YAML, owner, release=unknown)
    assert ids(matches) == ["CVE-2020-14343"]
    assert not matches.suppressed
    assert ids(run(_owned(), package("pypi/PyYAML@5.3"), _OWNER)) == ["CVE-2020-14343"]


@pytest.mark.parametrize(
    ("name", "source", "aside"),
    [
        ("linux-libc-dev", "linux", True),
        ("linux-headers-6.1.0-18-amd64", "linux", True),
        ("linux-aws-headers-5.15.0-1", "linux-aws", True),
        ("linux-image-6.1.0-18-amd64", "linux", False),
        ("linux-headers", "thing", False),
        ("bpftool", "linux", False),
    ],
)
def test_kernel_headers_are_not_a_running_kernel(name: str, source: str, aside: bool) -> None:
    memory = Memory(
        affected("DEBIAN-CVE-2024-1000", "Debian:12", source, "0..9"), facts("CVE-2024-1000", 7.8), known=("Debian:12",)
    )
    matches = run(memory, package(f"deb/{name}@6.1", source=source))
    assert bool(matches.suppressed) is aside
    assert bool(matches.findings) is not aside


def test_kernel_headers_of_the_red_hat_family() -> None:
    memory = Memory(
        affected("ALSA-1", "AlmaLinux:9", "kernel-headers", "0..9"), record("ALSA-1", related=("CVE-2024-1000",))
    )
    assert run(memory, package("rpm/kernel-headers@5.14.0-1.el9", source="kernel")).suppressed
