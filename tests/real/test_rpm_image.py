"""An image whose rpm database rpm itself wrote: its packages are those that rpm lists, its findings those that follow
from AlmaLinux's own records with rpm's own comparison."""

from __future__ import annotations

import json
import re
import sqlite3
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.real.conftest import by_type, need, new_image, once, run, syft, thwart

pytestmark = pytest.mark.real


class Rpm(NamedTuple):
    """A package to build: `[epoch:]version-release`, the module that it is part of, its source."""

    name: str
    version: str
    arch: str = "x86_64"
    module: str = ""
    source: str = "several"


# Real names; versions below, at, between and above the fixes of AlmaLinux 9 (ALSA-2022:6224 names 1:3.0.1-41.el9_0, ...).
PACKAGES = (
    Rpm("openssl-libs", "1:3.0.1-41.el9"),  # el9 is below el9_0
    Rpm("openssl", "1:3.0.7-27.el9"),
    Rpm("curl", "7.76.1-26.el9_3.2"),
    Rpm("libcurl-minimal", "7.76.1-99.el9"),
    Rpm("bash", "5.1.8-6.el9_1"),
    Rpm("nginx", "1:1.20.1-14.el9_2.1.alma.1"),  # the epoch rose later: 2:
    Rpm("nginx-core", "2:1.20.1-24.el9_7.2.alma.1"),
    Rpm("expat", "2.4.9-1.el9_1"),
    Rpm("expat", "2.4.9-1.el9_1", "i686"),  # two architectures side by side
    Rpm("glibc-common", "2.34-28.el9_0"),
    Rpm("python3-libs", "3.9.18-1.el9"),
    Rpm("kernel-headers", "5.14.0-70.13.1.el9_0", source="kernel"),
    Rpm("sqlite-libs", "3.34.1-5.el9"),
    Rpm("tzdata", "2022a-1.el9", "noarch"),
    Rpm("no-such-package", "1.0~rc1-1.el9"),
    Rpm("nodejs", "1:16.16.0-1.el9_0"),
    Rpm("nodejs-full-i18n", "1:18.14.2-2.module_el9.2.0+29+de583a0b", "x86_64", "nodejs:18:9020020230327152102:rhel9"),
    Rpm("nodejs-docs", "1:20.12.2-2.module_el9.4.0+100+71fc9528", "noarch", "nodejs:20:9040020240419113435:rhel9"),
    Rpm("postgresql", "15.6-1.module_el9.3.0+55+d62f4779", "x86_64", "postgresql:15:9030020240219130128:rhel9"),
    Rpm("postgresql-server", "13.11-1.el9_2"),
)  # fmt: skip

OS_RELEASE = """NAME="AlmaLinux"
VERSION="9.4 (Seafoam Ocelot)"
ID="almalinux"
ID_LIKE="rhel centos fedora"
VERSION_ID="9.4"
PLATFORM_ID="platform:el9"
PRETTY_NAME="AlmaLinux 9.4 (Seafoam Ocelot)"
CPE_NAME="cpe:/o:almalinux:almalinux:9::baseos"
"""
SPEC = """{module}
Name: {source}
Version: 1
Release: 1
Summary: x
License: MIT
Vendor: AlmaLinux
%description
x
"""
SUBPACKAGE = """%package -n {name}
{epoch}
Version: {version}
Release: {release}
Summary: x
{noarch}
%description -n {name}
x
%files -n {name}
"""
QUERY = "%{NAME}\\t%{EPOCH}\\t%{VERSION}-%{RELEASE}\\t%{ARCH}\\t%{SOURCERPM}\\t%{VENDOR}\\t%{LICENSE}\\t%{MODULARITYLABEL}\\n"


def spec(source: str, packages: Iterable[Rpm], module: str) -> str:
    """One source package with these binary packages."""
    text = SPEC.format(module=f"ModularityLabel: {module}" if module else "", source=source)
    for one in packages:
        epoch, colon, rest = one.version.partition(":") if ":" in one.version else ("", "", one.version)
        version, _, release = rest.rpartition("-")
        noarch = "BuildArch: noarch" if one.arch == "noarch" else ""
        text += SUBPACKAGE.format(
            name=one.name,
            epoch=f"Epoch: {epoch}" if colon else "",
            version=version,
            release=release,
            noarch=noarch,
        )
    return text


def build_rpms(folder: Path) -> list[Path]:
    groups: dict[tuple[str, str, str], list[Rpm]] = defaultdict(list)
    for one in PACKAGES:
        groups[one.source, one.module, "i686" if one.arch == "i686" else "x86_64"].append(one)
    for number, ((source, module, target), members) in enumerate(groups.items()):
        (folder / f"{number}.spec").write_text(spec(source, members, module))
        run("rpmbuild", "-bb", "--quiet", "--target", target, "--define", f"_topdir {folder}/top",
            "--define", "_buildhost build.example.test", folder / f"{number}.spec")  # fmt: skip
    made = sorted((folder / "top/RPMS").rglob("*.rpm"))
    assert len(made) == len(PACKAGES)
    return made


@pytest.fixture(scope="session")
def alma(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`L`, a layout with the image `t`, and `root`, what is in it."""

    def build(folder: Path) -> None:
        need("rpm", "rpmbuild", "umoci")
        root, database = folder / "root", folder / "root/var/lib/rpm"
        base = ("rpm", "--root", root, "--define", "_db_backend sqlite", "--define", "_dbpath /var/lib/rpm")
        root.mkdir()
        run(*base, "--initdb")
        if not (database / "rpmdb.sqlite").exists():
            pytest.skip("this rpm does not write SQLite databases")
        flags = ("--nodeps", "--noscripts", "--ignorearch", "--ignoreos", "--oldpackage", "--force")
        run(*base, "-i", *flags, *build_rpms(folder))
        connection = sqlite3.connect(database / "rpmdb.sqlite")
        connection.execute("pragma wal_checkpoint(truncate)")
        connection.close()
        (root / "etc").mkdir(exist_ok=True)
        (root / "etc/os-release").write_text(OS_RELEASE)
        run("tar", "-C", root, "-cf", folder / "layer.tar", "etc", "var/lib/rpm/rpmdb.sqlite")
        new_image(folder / "L", "t", folder / "layer.tar")

    return once(tmp_path_factory, "alma", build)


@pytest.fixture(scope="session")
def report(alma: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    done = thwart("scan", f"oci:{alma}/L", "-o", "json", home=tmp_path_factory.mktemp("home"))
    assert done.err == ""
    return done.report


def told(alma: Path) -> list[list[str]]:
    lines = run("rpm", "--dbpath", alma / "root/var/lib/rpm", "-qa", "--qf", QUERY).splitlines()
    return [["" if word == "(none)" else word for word in line.split("\t")] for line in lines]


def evr(row: list[str]) -> str:
    return f"{row[1]}:{row[2]}" if row[1] not in ("", "0") else row[2]


def test_packages_are_those_that_rpm_lists(alma: Path, report: dict[str, Any]) -> None:
    rows = told(alma)
    assert len(rows) == len(PACKAGES)
    keys = ("name", "version", "arch", "vendor", "module")
    ours = sorted(tuple(p.get(key, "") for key in keys) for p in report["packages"])
    assert ours == sorted((row[0], evr(row), row[3], row[5], row[7]) for row in rows)
    assert {p["name"]: p["source"] for p in report["packages"]} == {one.name: one.source for one in PACKAGES}
    assert {row[4] for row in rows} == {"several-1-1.src.rpm", "kernel-1-1.src.rpm"}
    assert all(tuple(p["licences"]) == ("MIT",) for p in report["packages"])
    assert report["release"]["ecosystem"] == "AlmaLinux:9"


def test_package_urls_carry_epoch_and_architecture(report: dict[str, Any]) -> None:
    (nginx,) = (p for p in report["packages"] if p["name"] == "nginx-core")
    assert nginx["purl"].startswith("pkg:rpm/almalinux/nginx-core@1.20.1-24.el9_7.2.alma.1?")
    assert {"arch=x86_64", "epoch=2", "distro=almalinux-9.4"} <= set(nginx["purl"].partition("?")[2].split("&"))


def test_an_independent_lister_agrees(alma: Path, report: dict[str, Any]) -> None:
    theirs = {(a["type"], a["name"], a["version"]) for a in syft(f"oci-dir:{alma}/L")}
    ours = {(p["type"], p["name"], p["version"]) for p in report["packages"]}
    assert by_type(ours, "rpm") == by_type(theirs, "rpm")


# -- findings -----------------------------------------------------------------------------------------------------------


class Erratum(NamedTuple):
    """What AlmaLinux's record says of one package: the builds that mend it, the stream, the ids that it closes."""

    id: str
    name: str
    builds: tuple[str, ...]
    stream: str
    closes: tuple[str, ...]


def errata(place: Path, names: set[str]) -> Iterator[Erratum]:
    """Read from the records as downloaded, with nothing of the tool."""
    with zipfile.ZipFile(place / "osv" / "AlmaLinux" / "all.zip") as archive:
        for member in archive.namelist():
            raw = archive.read(member)
            record = json.loads(raw)
            builds: dict[str, list[str]] = defaultdict(list)
            for block in record["affected"]:
                package = block["package"]
                if package["ecosystem"] == "AlmaLinux:9" and package["name"] in names and not record.get("withdrawn"):
                    events = [event for stretch in block["ranges"] for event in stretch["events"]]
                    builds[package["name"]] += [event["fixed"] for event in events if "fixed" in event]
            cves = [name for key in ("related", "aliases", "upstream") for name in record.get(key, ())]
            stream = re.search(r"[\w.-]+:[\w.]+", record["summary"].partition(": ")[2])
            for name, fixes in builds.items():
                modular = any(".module_el" in build for build in fixes)
                closes = tuple(one for one in cves if one.startswith("CVE-")) or (record["id"],)
                if closes != (record["id"],) or record["id"].startswith("ALSA"):
                    yield Erratum(record["id"], name, tuple(fixes), stream[0] if modular and stream else "", closes)


def older(pairs: set[tuple[str, str]], folder: Path) -> dict[tuple[str, str], bool]:
    """Whether the first is the older, as rpm says: `rpm --eval` over rpm.vercmp."""
    listed = sorted(pairs)
    (folder / "pairs").write_text("".join(f"{a}\t{b}\n" for a, b in listed))
    lua = 'for line in io.lines("pairs") do io.write(rpm.vercmp(line:match("^(.-)\\t(.*)$")), "\\n") end'
    answers = run("rpm", "--eval", "%{lua: " + lua + "}", cwd=folder).split()
    assert len(answers) == len(listed)
    return {pair: int(answer) < 0 for pair, answer in zip(listed, answers, strict=True)}


@pytest.fixture(scope="session")
def expected(advisories: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str, str], set[str]]:
    """(name, version, CVE) of what must be found, and the builds with which the unmended errata mend it."""
    records = list(errata(advisories, {one.name for one in PACKAGES}))
    assert len(records) > 300
    pairs = {(one.version, build) for one in PACKAGES for e in records if e.name == one.name for build in e.builds}
    below = older(pairs, tmp_path_factory.mktemp("pairs"))
    found: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for one in PACKAGES:
        stream = ":".join(one.module.split(":")[:2])
        for erratum in (e for e in records if e.name == one.name):
            modular = any(".module_el" in build for build in erratum.builds)
            if modular != bool(one.module) or (modular and erratum.stream != stream):
                continue
            if all(below[one.version, build] for build in erratum.builds):
                for closed in erratum.closes:
                    found[one.name, one.version, closed].update(erratum.builds)
    return found


def entries(report: dict[str, Any]) -> list[dict[str, Any]]:
    """Those of packages, not what rules find in the image itself."""
    every = [*report["findings"], *(aside["finding"] for aside in report["suppressed"])]
    return [one for one in every if "package" in one]


def test_findings_are_those_that_follow_from_the_records(
    report: dict[str, Any], expected: dict[tuple[str, str, str], set[str]]
) -> None:
    ours = {(one["package_name"], one["package_version"], one["id"]) for one in entries(report)}
    assert len(ours) > 300
    assert ours - set(expected) == set()
    assert set(expected) - ours == set()
    per_name = {name for name, _, _ in ours}
    assert {"openssl-libs", "nginx", "nodejs", "nodejs-full-i18n", "postgresql", "postgresql-server"} <= per_name


def test_the_fix_is_a_build_of_an_erratum_and_none_is_left_after_it(
    report: dict[str, Any], expected: dict[tuple[str, str, str], set[str]], tmp_path: Path
) -> None:
    fixes = {(one["package_name"], one["package_version"], one["id"]): one["fix"]["version"] for one in entries(report)}
    assert {key: fix for key, fix in fixes.items() if fix not in expected[key]} == {}
    pairs = {(fix, build) for key, fix in fixes.items() for build in expected[key]}
    below = older(pairs, tmp_path)
    # of several errata that name one CVE the last one counts, unless they are builds of one erratum
    unfinished = {key for key, fix in fixes.items() if sum(below[fix, build] for build in expected[key]) > 1}
    assert unfinished == set()


def test_streams_do_not_mix(report: dict[str, Any]) -> None:
    fixes: dict[str, set[str]] = defaultdict(set)
    for one in entries(report):
        fixes[one["package_name"]].add(one["fix"]["version"])
    assert all(".module_el" not in fix and fix.startswith("1:16.") for fix in fixes["nodejs"])
    assert all(".module_el" in fix and fix.startswith("1:18.") for fix in fixes["nodejs-full-i18n"])
    assert all(".module_el" in fix and fix.startswith("1:20.") for fix in fixes["nodejs-docs"])
    assert all(".module_el" in fix and fix.startswith("15.") for fix in fixes["postgresql"])
    assert all(".module_el" not in fix and fix.startswith("13.") for fix in fixes["postgresql-server"])


def test_headers_of_the_kernel_are_set_aside(report: dict[str, Any]) -> None:
    aside = [one for one in report["suppressed"] if one["finding"]["package_name"] == "kernel-headers"]
    assert len(aside) > 500
    assert {one["by"] for one in aside} == {"distribution"}
    assert not [one for one in report["findings"] if one.get("package_name") == "kernel-headers"]
