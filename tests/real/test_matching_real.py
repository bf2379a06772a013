"""Matching held against real records and the embedded database; `packaging` is the oracle for Python's ranges."""

from __future__ import annotations

import json
import re
import zipfile
from collections import Counter
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from packaging.version import InvalidVersion, Version

from tests.unit.matching_memory import Memory, ids, package, record, run, slugs
from thwart.advisories.embedded import open_embedded
from thwart.core.advisory import Affected, Range, Severity
from thwart.core.errors import DatabaseError
from thwart.core.package import Package, Release
from thwart.core.upgrades import group_by_fix
from thwart.matching import match

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from thwart.advisories.database import Database

pytestmark = pytest.mark.real

TODAY = date(2026, 11, 23)
TYPES = {
    "Alpine": "apk",
    "Chainguard": "apk",
    "Debian": "deb",
    "PyPI": "pypi",
    "Red Hat": "rpm",
    "Rocky Linux": "rpm",
    "SUSE": "rpm",
    "Ubuntu": "deb",
    "openEuler": "rpm",
}


@pytest.fixture(scope="module")
def embedded() -> Iterator[Database]:
    try:
        database = open_embedded(None)
    except DatabaseError as error:
        pytest.skip(f"this checkout carries no database: {error}")
    with database:
        yield database


def _records(path: Path, step: int = 1) -> Iterator[dict[str, Any]]:
    with zipfile.ZipFile(path) as archive:
        names = [name for name in sorted(archive.namelist()) if name.endswith(".json")]
        for name in names[::step]:
            found = json.loads(archive.read(name))
            if not found.get("withdrawn"):
                yield found


def _ranges(block: dict[str, Any]) -> tuple[Range, ...]:
    """The ranges of an OSV record's block, one for each `introduced` and the event that ends it."""
    found: list[Range] = []
    for stretch in block.get("ranges", []):
        start: str | None = None
        for event in stretch["events"] if stretch["type"] != "GIT" else ():
            (kind, version), *_ = event.items()
            if kind == "introduced":
                start = version
            elif start is not None and kind in ("fixed", "last_affected"):
                found.append(Range(start, version) if kind == "fixed" else Range(start, "", version))
                start = None
        if start is not None:
            found.append(Range(start))
    return tuple(found)


def _memory(found: dict[str, Any], ecosystem: str, name: str, ranges: tuple[Range, ...]) -> Memory:
    links = {key: tuple(found.get(key, ())) for key in ("aliases", "upstream", "related")}
    return Memory(Affected(found["id"], ecosystem, name, ranges), record(found["id"], **links))


def _installed(kind: str, ecosystem: str, name: str, version: str) -> Package:
    return package(f"{kind}/x@1", name=name, version=version, ecosystem=ecosystem, source=name, source_version=version)


def _matched(memory: Memory, packages: list[Package]) -> set[str]:
    return {finding.package.version for finding in run(memory, *packages).findings if finding.package}


def test_versions_that_distributions_list_are_in_their_ranges(advisories: Path) -> None:
    """OSV enumerates affected versions by its own code: every one must be found by the ranges alone."""
    listed: Counter[str] = Counter()
    missed: list[tuple[str, str, str]] = []
    for found in _records(advisories / "osv-samples" / "linux-distros.zip"):
        for block in found.get("affected", []):
            named = block.get("package") or {}
            ecosystem, name = named.get("ecosystem", ""), named.get("name", "")
            kind, ranges = TYPES.get(ecosystem.partition(":")[0], ""), _ranges(block)
            if not kind or not ranges:
                continue
            memory = _memory(found, ecosystem, name, ranges)
            stated = block.get("versions") or []
            matched = _matched(memory, [_installed(kind, ecosystem, name, version) for version in stated])
            listed[kind] += len(stated)
            missed += [(found["id"], name, version) for version in stated if version not in matched]
            fixed = [stretch.fixed for stretch in ranges if stretch.fixed]
            assert not _matched(memory, [_installed(kind, ecosystem, name, version) for version in fixed]), found["id"]
    assert listed["deb"] > 1000
    assert missed == []


def test_python_ranges_are_judged_as_packaging_orders_versions(advisories: Path) -> None:
    judged = 0
    for found in _records(advisories / "osv" / "PyPI" / "all.zip", step=25):
        for block in found.get("affected", []):
            name = re.sub(r"[-_.]+", "-", block["package"]["name"]).lower()
            ranges = _ranges(block)
            versions = [version for version in block.get("versions", []) if _proper(version)]
            if not ranges or not all(_proper(bound) for stretch in ranges for bound in stretch if bound):
                continue
            expected = {version for version in versions if any(_inside(version, stretch) for stretch in ranges)}
            memory = _memory(found, "PyPI", name, ranges)
            assert _matched(memory, [_installed("pypi", "PyPI", name, version) for version in versions]) == expected
            judged += len(versions)
    assert judged > 5000


def _proper(version: str) -> bool:
    try:
        Version(version)
    except InvalidVersion:
        return False
    return True


def _inside(version: str, stretch: Range) -> bool:
    ours = Version(version)
    if stretch.introduced not in ("", "0") and ours < Version(stretch.introduced):
        return False
    if stretch.fixed:
        return ours < Version(stretch.fixed)
    return not stretch.last or ours <= Version(stretch.last)


# -- the embedded database ---------------------------------------------------------------------------------------------


def test_log4shell_comes_first_and_is_explained(embedded: Database) -> None:
    log4j = package("maven/log4j-core@2.14.1", namespace="org.apache.logging.log4j")
    matches = match([log4j, package("npm/lodash@4.17.15")], None, embedded, today=TODAY)
    first = matches.findings[0]
    assert (first.id, first.severity, first.state) == ("CVE-2021-44228", Severity.CRITICAL, "fixed")
    assert first.priority > 99
    assert first.because[0].startswith("exploited in the wild (CISA KEV since 2021-12-10")
    assert "GHSA-jfh8-c2jp-5v3q" in first.aliases
    assert first.fix is not None
    assert first.fix.version == "2.15.0"
    assert matches.diagnostics == ()


def test_a_go_binary_is_held_against_its_toolchain(embedded: Database) -> None:
    old = match([package("golang/stdlib@go1.20.3")], None, embedded, today=TODAY).findings
    fixed = {finding.id: finding.fix.version for finding in old if finding.fix}
    assert fixed["CVE-2023-24540"] == "1.20.4"
    assert fixed["CVE-2023-45288"] == "1.21.9"
    newer = match([package("golang/stdlib@go1.20.4")], None, embedded, today=TODAY).findings
    assert "CVE-2023-24540" not in {finding.id for finding in newer}
    (group,) = group_by_fix(old)
    assert not group.left
    assert group.title == f"rebuild with Go {group.version}"


def test_alpine_is_asked_by_origin_in_its_branch(embedded: Database) -> None:
    release = Release(id="alpine", version="3.20.0", name="Alpine Linux v3.20", ecosystem="Alpine:v3.20")
    libssl = package("apk/libssl3@3.3.0-r1", source="openssl", source_version="3.3.0-r1", ecosystem=release.ecosystem)
    matches = match([libssl], release, embedded, today=TODAY)
    assert ids(matches) == ["CVE-2024-4603"]
    assert matches.findings[0].fix is not None
    assert matches.findings[0].fix.title == "upgrade openssl to 3.3.0-r2"


def test_alma_linux_modules_do_not_mix(embedded: Database) -> None:
    def found(stream: str, version: str) -> set[str]:
        node = package(
            f"rpm/nodejs@{version}",
            ecosystem="AlmaLinux:8",
            arch="x86_64",
            module=f"nodejs:{stream}:8060020220523160029:ad008a3a" if stream else "",
        )
        matches = match([node], None, embedded, today=TODAY)
        return {finding.fix.version for finding in matches.findings if finding.fix}

    eighteen = found("18", "1:18.9.1-1.module_el8.7.0+3000+1")
    assert eighteen
    assert all(version.startswith("1:18.") for version in eighteen)
    assert all(version.startswith("1:16.") for version in found("16", "1:16.1.0-1.module_el8.6.0+1+1"))
    assert not found("", "1:10.24.0-1.el8")


def test_ubuntu_pro_is_told_apart(embedded: Database) -> None:
    bash = package("deb/vim@2:8.0.1453-1ubuntu1.13", ecosystem="Ubuntu:18.04:LTS")
    matches = match([bash], None, embedded, today=TODAY)
    paid = [finding for finding in matches.findings if finding.state == "fixed-pro"]
    assert paid
    assert all("esm" in finding.fix.version for finding in paid if finding.fix)


def test_releases_without_advisories_are_said(embedded: Database) -> None:
    fedora = Release(id="fedora", version="40", name="Fedora Linux 40", ecosystem="Fedora:40")
    matches = match([package("rpm/bash@5.2-1.fc40", ecosystem="Fedora:40")], fedora, embedded, today=TODAY)
    assert slugs(matches) == ["no-advisories"]
    buster = Release(id="debian", version="10", name="Debian GNU/Linux 10", ecosystem="Debian:10")
    matches = match([package("deb/bash@5.0-4", ecosystem="Debian:10")], buster, embedded, today=TODAY)
    assert slugs(matches) == ["end-of-life"]


@pytest.mark.parametrize("ecosystem", ["npm", "PyPI", "Go", "Maven", "RubyGems", "crates.io", "Packagist", "NuGet"])
def test_every_name_of_an_ecosystem_can_be_judged(embedded: Database, ecosystem: str) -> None:
    """No statement in the database makes matching fail, and what it reports it also leaves after the upgrade."""
    kinds = {"npm": "npm", "PyPI": "pypi", "Go": "golang", "Maven": "maven", "RubyGems": "gem", "crates.io": "cargo"}
    kind = {**kinds, "Packagist": "composer", "NuGet": "nuget"}[ecosystem]
    query = "SELECT p.name FROM package p JOIN ecosystem e ON e.id = p.ecosystem WHERE e.name = ?"
    names = [name for (name,) in embedded._connection.execute(query, (ecosystem,))][::3]
    packages = [package(f"{kind}/x@1", name=name, version="1.0.0") for name in names]
    findings = match(packages, None, embedded, today=TODAY).findings
    assert findings
    upgraded = [package(f"{kind}/x@1", name=group.package, version=group.version) for group in group_by_fix(findings)]
    still = {
        (finding.package.name, finding.id)
        for finding in match(upgraded, None, embedded, today=TODAY).findings
        if finding.package
    }
    closed = {(group.package, finding.id) for group in group_by_fix(findings) for finding in group.findings}
    assert closed
    assert not still & closed
