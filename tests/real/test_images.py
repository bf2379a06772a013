"""Real Debian images through every way in, held against the distribution's own tools and an independent lister.

Findings are derived a second time, from the advisories as downloaded and with dpkg's own comparison.
"""

from __future__ import annotations

import gzip
import json
import re
import shutil
import subprocess
import tarfile
import zipfile
from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.real.conftest import by_type, debs_of, debs_told_by_dpkg, need, new_image, once, run, syft, thwart
from thwart import ScanOptions, scan
from thwart.core.report import Report

pytestmark = pytest.mark.real

Row = tuple[str, ...]  # name, version, architecture, source, source version


def scanned(target: str) -> Report:
    return scan(target, ScanOptions(packages_only=True))


def debs(report: Report) -> set[Row]:
    return {
        (p.name, p.version, p.arch, p.source or p.name, p.source_version or p.version)
        for p in report.packages
        if p.type == "deb"
    }


@pytest.fixture(scope="module")
def admin(bookworm: Path) -> Path:
    return bookworm / "var/lib/dpkg"


# -- every way in -------------------------------------------------------------------------------------------------------


def test_a_root_file_system_lists_what_dpkg_lists(bookworm: Path, admin: Path) -> None:
    report = scanned(f"rootfs:{bookworm}/base.tar")
    assert debs(report) == debs_told_by_dpkg(admin)
    assert report.release is not None
    assert report.release.ecosystem == "Debian:12"
    assert not report.incomplete


def test_a_folder_lists_what_dpkg_lists(admin: Path, bookworm: Path, tmp_path: Path) -> None:
    run(
        "tar",
        "-C",
        tmp_path,
        "-xf",
        bookworm / "base.tar",
        "./etc",
        "./usr/lib/os-release",
        "./var",
        "./usr/lib/python3",
    )
    report = scanned(f"rootfs:{tmp_path}")
    assert debs(report) == debs_told_by_dpkg(admin)
    assert {p.name: p.owner for p in report.packages if p.type == "pypi"} == {"pyyaml": "python3-yaml"}


@pytest.mark.parametrize("kind", ["oci", "oci-archive", "docker-archive", "docker-archive-gz", "dir-zstd"])
def test_every_wrapping_lists_the_same(kind: str, layout: Path, tmp_path: Path, admin: Path) -> None:
    need("skopeo")
    flags: list[str] = []
    if kind == "dir-zstd":
        flags = ["--dest-compress", "--dest-compress-format", "zstd"]
    target = tmp_path / ("folder" if kind in ("oci", "dir-zstd") else "file.tar")
    transport = {"dir-zstd": "oci", "docker-archive-gz": "docker-archive"}.get(kind, kind)
    name = f"{transport}:{target}" + (":t" if transport == "oci" else ":demo/x:1" if "docker" in kind else "")
    run("skopeo", "copy", "-q", *flags, f"oci:{layout}:t", name)
    if kind == "docker-archive-gz":
        run("gzip", "-1", target)
        target = Path(f"{target}.gz")
    report = scanned(str(target))
    assert debs(report) == debs_told_by_dpkg(admin)
    assert {p.name for p in report.packages if p.type == "npm"} == {"keep"}
    ids = [one.diff_id for one in report.layers]
    assert len(ids) == 3
    assert {p.name: ids.index(p.layer) for p in report.packages if p.name in ("keep", "openssl", "django")} == {
        "openssl": 0,
        "keep": 1,
        "django": 1,
    }


def test_an_image_says_what_it_is(layout: Path) -> None:
    report = scanned(f"oci:{layout}")
    config = json.loads(run("skopeo", "inspect", "--config", f"oci:{layout}:t"))
    assert [one.diff_id for one in report.layers] == config["rootfs"]["diff_ids"]
    assert report.asset.platform == f"linux/{config['architecture']}"
    assert dict(report.asset.labels) == {"org.example": "thwart"}
    assert report.asset.digest == json.loads(run("skopeo", "inspect", "-n", f"oci:{layout}:t"))["Digest"]


def test_what_the_distribution_installed_names_its_owner(layout: Path) -> None:
    owners = {p.name: p.owner for p in scanned(f"oci:{layout}").packages if p.type in ("pypi", "npm")}
    assert owners == {"pyyaml": "python3-yaml", "django": "", "keep": ""}


# -- distroless ---------------------------------------------------------------------------------------------------------

DISTROLESS = (
    "base-files",
    "libc6:amd64",
    "libssl3:amd64",
    "tzdata",
    "python3-yaml",
    "openssl",
    "less",
    "libexpat1:amd64",
)


@pytest.fixture(scope="session")
def distroless(tmp_path_factory: pytest.TempPathFactory, bookworm: Path) -> Path:
    """An image without dpkg: one file of fields and one of checksums for each package."""

    def build(folder: Path) -> None:
        need("umoci")
        database = bookworm / "var/lib/dpkg"
        stanzas = (database / "status").read_text().split("\n\n")
        wanted = {"./etc/os-release", "./usr/lib/os-release"}
        (status := folder / "root/var/lib/dpkg/status.d").mkdir(parents=True)
        for full in DISTROLESS:
            name = full.partition(":")[0]
            listed = database / "info" / f"{full}.list"
            if not listed.exists():
                listed = next((database / "info").glob(f"{name}*.list"))
            wanted |= {f".{line}" for line in listed.read_text().splitlines()}
            (stanza,) = (text for text in stanzas if re.match(rf"Package: {re.escape(name)}\n", text))
            (status / name).write_text(stanza.replace("Status: install ok installed\n", "") + "\n")
            shutil.copy(listed.with_suffix(".md5sums"), status / f"{name}.md5sums")
        with tarfile.open(bookworm / "base.tar") as archive, tarfile.open(folder / "layer.tar", "w") as layer:
            for member in archive:
                if member.name in wanted and not member.isdir():
                    layer.addfile(member, archive.extractfile(member) if member.isreg() else None)
            layer.add(status, "./var/lib/dpkg/status.d")
        shutil.rmtree(folder / "root")
        new_image(folder / "L", "t", folder / "layer.tar")

    return once(tmp_path_factory, "distroless", build) / "L"


def distroless_rows(admin: Path) -> set[Row]:
    names = {name.partition(":")[0] for name in DISTROLESS}
    return {row for row in debs_told_by_dpkg(admin) if row[0] in names}


def test_distroless_layouts_are_read(distroless: Path, admin: Path) -> None:
    report = scanned(f"oci:{distroless}")
    assert debs(report) == distroless_rows(admin)
    assert len(distroless_rows(admin)) == len(DISTROLESS)
    assert report.release is not None
    assert report.release.ecosystem == "Debian:12"
    assert {p.name: p.owner for p in report.packages if p.type == "pypi"} == {"pyyaml": "python3-yaml"}


# -- findings -----------------------------------------------------------------------------------------------------------

Fixes = dict[str, dict[str, set[str]]]  # source package -> id -> versions that mend it


def changelog(advisories: Path) -> tuple[Fixes, set[tuple[str, str]]]:
    """Debian 12: fixes that changelogs name, and the (source, id) pairs of fixes above the package that has them.

    Of those the changelog says that a backport (`590-2.1~deb12u2`) has what a higher version (`590-2.1`) brought.
    """
    place = advisories / "debian" / "changelog-fixes-bookworm.json.gz"
    found: Fixes = defaultdict(lambda: defaultdict(set))
    backported = set()
    for source, known in json.loads(gzip.decompress(place.read_bytes()))["packages"].items():
        for name, fix in known["fixed"].items():
            found[source][name].add(fix["fixed_version"])
            if below(known["meta"]["source_version"], fix["fixed_version"]):
                backported.add((source, name))
    return found, backported


def errata(advisories: Path) -> Fixes:
    """Debian 11: DSA and DLA records of OSV."""
    found: Fixes = defaultdict(lambda: defaultdict(set))
    with zipfile.ZipFile(advisories / "osv" / "Debian" / "all.zip") as archive:
        for member in archive.namelist():
            raw = archive.read(member)
            if b'"Debian:11"' not in raw:
                continue
            record = json.loads(raw)
            about = [*record.get("upstream", ()), *record.get("aliases", ())] or [record["id"]]
            for block in record["affected"]:
                events = [event for stretch in block["ranges"] for event in stretch["events"]]
                if block["package"]["ecosystem"] == "Debian:11":
                    for name in about:
                        found[block["package"]["name"]][name] |= {e["fixed"] for e in events if "fixed" in e}
    return found


@cache
def below(version: str, other: str) -> bool:
    """As dpkg orders versions."""
    return subprocess.run(["dpkg", "--compare-versions", version, "lt", other], check=False).returncode == 0


def derived(rows: Iterable[Row], fixes: Fixes) -> dict[tuple[str, str], set[str]]:
    """(package, id) of what must be found, and the versions that end it."""
    found = {}
    for name, _, _, source, source_version in rows:
        for one, versions in fixes.get(source, {}).items():
            missing = {version for version in versions if below(source_version, version)}
            if missing:
                found[name, one] = missing
    return found


def told(report: dict[str, Any]) -> dict[tuple[str, str], str]:
    """(package, id) of every finding on a deb, set aside or not, and its fix."""
    entries = [*report.get("findings", ()), *(aside["finding"] for aside in report.get("suppressed", ()))]
    return {
        (one["package_name"], one["id"]): one["fix"]["version"]
        for one in entries
        if one.get("package", "").startswith("pkg:deb/")
    }


def test_findings_of_bookworm(layout: Path, distroless: Path, admin: Path, advisories: Path, tmp_path: Path) -> None:
    need("dpkg")
    fixes, backported = changelog(advisories)
    for image, rows in ((layout, debs_told_by_dpkg(admin)), (distroless, distroless_rows(admin))):
        report = thwart("scan", f"oci:{image}", "-o", "json", home=tmp_path / "home").report
        source = {row[0]: row[3] for row in rows}
        # those have a test of their own, below
        expected = {k: v for k, v in derived(rows, fixes).items() if (source[k[0]], k[1]) not in backported}
        ours = {k: v for k, v in told(report).items() if (source[k[0]], k[1]) not in backported}
        assert len(expected) > 30
        assert set(ours) - set(expected) == set()
        assert set(expected) - set(ours) == set()
        assert {key: fix for key, fix in ours.items() if fix not in expected[key]} == {}


def test_a_backport_has_what_its_changelog_says(layout: Path, admin: Path, advisories: Path, tmp_path: Path) -> None:
    """`less 590-2.1~deb12u2` carries the entry of 590-2.1 in its own changelog: its CVEs are mended there."""
    _, backported = changelog(advisories)
    report = thwart("scan", f"oci:{layout}", "-o", "json", home=tmp_path).report
    source = {row[0]: row[3] for row in debs_told_by_dpkg(admin)}
    assert ("less", "CVE-2024-32487") in backported
    assert {(name, one) for name, one in told(report) if (source[name], one) in backported} == set()


def test_findings_of_bullseye(bullseye: Path, bullseye_layout: Path, advisories: Path, tmp_path: Path) -> None:
    need("dpkg")
    rows, fixes = debs_told_by_dpkg(bullseye / "var/lib/dpkg"), errata(advisories)
    done = thwart("scan", f"oci:{bullseye_layout}", "--platform", "linux/arm64", "-o", "json", home=tmp_path)
    report = done.report
    assert debs_of(report) == rows
    # point releases have what was known when the data ends: so the rows as installed, and each below its last fix
    assert told(report) == {key: max(v) for key, v in derived(rows, fixes).items()}
    assert "end-of-life" in {one["slug"] for one in report["diagnostics"]}


def test_findings_of_older_versions_of_bullseye(bullseye: Path, advisories: Path, tmp_path: Path) -> None:
    """The same database with every package that has errata set back to just below one of its fixes."""
    fixes = errata(advisories)
    status = (bullseye / "var/lib/dpkg/status").read_text()
    rows = debs_told_by_dpkg(bullseye / "var/lib/dpkg")
    for name, version, _, source, _ in sorted(rows):
        known = sorted({fix for versions in fixes.get(source, {}).values() for fix in versions})
        if known:
            older = f"{known[len(name) % len(known)]}~"  # a tilde sorts before the end
            pattern = rf"(?ms)^(Package: {re.escape(name)}\n(?:(?!^$).)*?^Version: ){re.escape(version)}$"
            status = re.sub(pattern, lambda match, older=older: match[1] + older, status)  # type: ignore[misc]
    status = re.sub(r"(?m)^(Source: \S+) \(.*\)$", r"\1", status)
    root = tmp_path / "root"
    (root / "var/lib/dpkg/info").mkdir(parents=True)
    (root / "var/lib/dpkg/status").write_text(status)
    (root / "etc").mkdir()
    (root / "etc/os-release").write_text('ID=debian\nVERSION_ID="11"\nPRETTY_NAME="Debian GNU/Linux 11 (bullseye)"\n')
    expected = derived(debs_told_by_dpkg(root / "var/lib/dpkg"), fixes)
    ours = told(thwart("scan", f"rootfs:{root}", "-o", "json", home=tmp_path / "home").report)
    assert len(expected) > 20
    assert set(ours) == set(expected)
    assert {key: fix for key, fix in ours.items() if any(below(fix, other) for other in expected[key])} == {}


# -- an independent lister ----------------------------------------------------------------------------------------------

PYTHON = ("django==2.2", "requests==2.19.0", "jinja2==2.10", "flask==1.0", "urllib3==1.23", "ruamel.yaml==0.17.21")
NODE = ("lodash@4.17.15", "minimist@1.2.0", "express@4.16.0", "@babel/traverse@7.20.13")


@pytest.fixture(scope="session")
def languages(tmp_path_factory: pytest.TempPathFactory, bookworm: Path) -> Path:
    """What pip and npm themselves install, above Debian."""

    def build(folder: Path) -> None:
        need("umoci", "python3", "npm")
        app = folder / "root/srv/app"
        app.mkdir(parents=True)
        flags = ["--no-deps", "--no-compile", "--disable-pip-version-check", "-q", "--target", str(app / "py")]
        npm = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--prefer-offline"]
        pip = subprocess.Popen(["python3", "-m", "pip", "install", *flags, *PYTHON], stderr=subprocess.DEVNULL)
        done = subprocess.run(["npm", "install", *npm, *NODE], cwd=app, capture_output=True, check=False)
        if done.returncode or pip.wait():
            pytest.skip("pip or npm could not fetch packages")
        run("tar", "-C", folder / "root", "-cf", folder / "layer.tar", "srv")
        shutil.rmtree(folder / "root")
        new_image(folder / "L", "t", bookworm / "base.tar", folder / "layer.tar")

    return once(tmp_path_factory, "languages", build) / "L"


# What the two tell differently, and why. Nothing else may differ.
#   Syft takes what a copy of the interpreter vendors or a binary says of itself for packages; we list what is installed.
CLASSIFIED = {"python", "bash", "busybox", "perl", "curl", "openssl"}


def compare(image: Path, kinds: dict[str, str]) -> None:
    """The lists of one image, kind by kind."""
    artifacts = syft(f"oci-dir:{image}")
    theirs = {(a["type"], a["name"], a["version"]) for a in artifacts}
    ours = {(p.type, p.full_name, p.version) for p in scanned(f"oci:{image}").packages}
    seen = {kind for kind, _, _ in theirs} - {"binary"}
    assert seen <= set(kinds.values())
    assert {name for kind, name, _ in theirs if kind == "binary"} <= CLASSIFIED
    for kind, their_kind in kinds.items():
        assert folded(by_type(ours, kind), kind) == folded(by_type(theirs, their_kind), kind), kind


def folded(entries: set[tuple[str, str]], kind: str) -> set[tuple[str, str]]:
    """PyPI's names are equal but for case and separators (PEP 503); Syft keeps the spelling of the file."""
    if kind != "pypi":
        return entries
    return {(re.sub(r"[-_.]+", "-", name).lower(), version) for name, version in entries}


def test_a_lister_agrees_on_debian(layout: Path) -> None:
    compare(layout, {"deb": "deb", "npm": "npm", "pypi": "python"})


def test_a_lister_agrees_on_distroless(distroless: Path) -> None:
    compare(distroless, {"deb": "deb", "pypi": "python"})


def test_a_lister_agrees_on_python_and_node(languages: Path) -> None:
    compare(languages, {"deb": "deb", "npm": "npm", "pypi": "python"})


def test_findings_of_languages_are_not_set_aside(languages: Path, tmp_path: Path) -> None:
    """What pip and npm brought counts, though the image is Debian's."""
    report = thwart("scan", f"oci:{languages}", "-o", "json", home=tmp_path).report
    found = {(one.get("package_name"), one["id"]) for one in report["findings"]}
    assert {("django", "CVE-2019-14234"), ("lodash", "CVE-2020-8203"), ("jinja2", "CVE-2019-10906")} <= found
    assert {("minimist", "CVE-2021-44906"), ("requests", "CVE-2018-18074")} <= found
    (layer,) = {
        place["layer"]
        for one in report["findings"]
        if one.get("package_name") == "django"
        for place in one["locations"]
    }
    assert layer == report["layers"][1]["diff_id"]
    ids = [(one["package"], one["id"]) for one in report["findings"] if "package" in one]
    assert len(ids) == len(set(ids))
