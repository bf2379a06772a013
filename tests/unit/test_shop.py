"""The example project: its images are what their inputs say, and the tool finds in them what was planted."""

from __future__ import annotations

import csv
import importlib.util
import json
import re
import sys
import tomllib
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from thwart import Package, Policy, Report, ScanOptions, decide, scan
from thwart.core import config

ROOT = Path(__file__).resolve().parent.parent.parent
SHOP = ROOT / "examples" / "shop"
NOW = datetime(2026, 11, 23, tzinfo=UTC)
IMAGES = ("catalogue", "checkout", "payments", "storefront", "worker")
Row = dict[str, str]


def script() -> Any:
    path = ROOT / "tools" / "build_shop_images.py"
    spec = importlib.util.spec_from_file_location("build_shop_images", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    assert script().main(["--output", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def reports(images: Path) -> dict[str, Report]:
    return {name: scan(f"oci:{images / name}", ScanOptions(now=NOW)) for name in IMAGES}


@pytest.fixture(scope="module")
def tree() -> Report:
    return scan(f"dir:{SHOP}", ScanOptions(now=NOW))


def table(name: str) -> list[Row]:
    with (SHOP / "images.in" / f"{name}.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def names(packages: tuple[Package, ...], *types: str) -> set[tuple[str, str]]:
    return {(p.full_name, p.version) for p in packages if p.type in types}


def layer(report: Report, name: str, version: str = "") -> int:
    """1-based, as the reports count."""
    diff_ids = [one.diff_id for one in report.layers]
    return 1 + diff_ids.index(package(report, name, version).layer)


def package(report: Report, name: str, version: str = "") -> Package:
    (found,) = (p for p in report.packages if p.full_name == name and version in ("", p.version))
    return found


def fixes(report: Report, name: str) -> dict[str, str]:
    """Fixed versions by CVE of what counts against a package."""
    of_it = [f for f in report.findings if f.package is not None and f.package.full_name == name]
    return {f.id: f.fix.version if f.fix else "" for f in of_it}


# -- the images are what their inputs say ------------------------------------------------------------------------------


def final(name: str, without: set[str]) -> dict[str, str]:
    """Versions of the distribution's packages in the topmost layer: of each name the last row counts."""
    return {row["name"]: row["version"] for row in table(name) if row["name"] not in without}


@pytest.mark.parametrize(
    ("name", "kind", "gone"),
    [
        ("storefront", "deb", {"wget"}),
        ("catalogue", "deb", set()),
        ("checkout", "deb", set()),
        ("payments", "apk", set()),
        ("worker", "rpm", set()),
    ],
)
def test_packages_of_the_distribution(reports: dict[str, Report], name: str, kind: str, gone: set[str]) -> None:
    assert names(reports[name].packages, kind) == set(final(name, gone).items())


def test_sources_of_the_distribution(reports: dict[str, Report]) -> None:
    bsdutils = package(reports["storefront"], "bsdutils")
    assert (bsdutils.source, bsdutils.source_version) == ("util-linux", "2.38.1-5")
    assert package(reports["payments"], "libcrypto3").source == "openssl"
    openssl = package(reports["worker"], "openssl-libs")
    assert (openssl.version, openssl.source, openssl.vendor) == ("1:3.0.7-27.el9", "openssl", "AlmaLinux")


@pytest.mark.parametrize(
    ("name", "ecosystem"),
    [
        ("storefront", "Debian:12"),
        ("catalogue", "Debian:11"),
        ("checkout", "Debian:12"),
        ("payments", "Alpine:v3.18"),
        ("worker", "AlmaLinux:9"),
    ],
)
def test_releases(reports: dict[str, Report], name: str, ecosystem: str) -> None:
    release = reports[name].release
    assert release is not None
    assert release.ecosystem == ecosystem


def test_node_packages_are_those_of_the_lockfile_without_development(reports: dict[str, Report]) -> None:
    lock = json.loads((SHOP / "services/storefront/package-lock.json").read_text(encoding="utf-8"))
    locked = {
        (path.rpartition("node_modules/")[2], entry["version"])
        for path, entry in lock["packages"].items()
        if path and not entry.get("dev")
    }
    others = {("shop-storefront", "1.8.0"), ("npm", "10.2.4"), ("tar", "6.2.0"), ("semver", "7.5.4")}
    assert names(reports["storefront"].packages, "npm") == locked | others
    assert ("handlebars", "4.7.6") not in locked


def test_python_packages_are_those_of_the_requirements(reports: dict[str, Report]) -> None:
    text = (SHOP / "services/catalogue/requirements.txt").read_text(encoding="utf-8")
    pinned = set(re.findall(r"^([a-z0-9-]+)==(\S+)$", text, re.MULTILINE))
    others = {("pip", "22.0.4"), ("pyyaml", "5.3.1")}  # of Python itself and of Debian; wheel has been uninstalled
    assert names(reports["catalogue"].packages, "pypi") == pinned | others


def test_python_packages_are_those_of_the_lock_without_development(reports: dict[str, Report]) -> None:
    lock = tomllib.loads((SHOP / "services/worker/uv.lock").read_text(encoding="utf-8"))
    absent = {"shop-worker", "werkzeug", "colorama"}  # the project, its development group, Windows only
    locked = {(one["name"], one["version"]) for one in lock["package"] if one["name"] not in absent}
    others = {("pip", "22.3.1"), ("setuptools", "65.5.1")}
    found = names(reports["worker"].packages, "pypi")
    assert found == locked | others


def test_go_modules_are_those_of_go_mod(reports: dict[str, Report]) -> None:
    text = (SHOP / "services/checkout/go.mod").read_text(encoding="utf-8")
    required = set(re.findall(r"^\t(\S+) (v\S+)", text, re.MULTILINE))
    own = {("example.test/shop/checkout", ""), ("stdlib", "1.25.11")}
    assert names(reports["checkout"].packages, "golang") == required | own


def test_jars_are_those_of_the_list_within_the_fat_jar(reports: dict[str, Report]) -> None:
    report = reports["payments"]
    listed = {(f"{row['group']}:{row['name']}", row["version"]) for row in table("payments.jars")}
    found = {(p.full_name, p.version) for p in report.packages if p.type == "maven" and not p.owner}
    assert {name for name, _ in listed - found} <= {"org.checkerframework:checker-qual"}  # no coordinates: a guess
    assert {version for name, version in found if name.endswith("checker-qual")} == {"3.5.0"}
    assert len(found) == len(listed)
    (place,) = package(report, "org.apache.logging.log4j:log4j-core").locations
    assert place.path == "opt/payments/payments.jar!/BOOT-INF/lib/log4j-core-2.14.1.jar"


def test_nothing_stays_unread(reports: dict[str, Report], tree: Report) -> None:
    for report in (*reports.values(), tree):
        assert [d for d in report.diagnostics if d.incomplete] == []


# -- layers ------------------------------------------------------------------------------------------------------------


def test_layers_are_the_instructions_of_the_dockerfile(reports: dict[str, Report]) -> None:
    for name, report in reports.items():
        text = (SHOP / f"services/{name}/Dockerfile").read_text(encoding="utf-8")
        stage = text[text.rindex("FROM ") :]
        written = [line for line in stage.splitlines() if line.startswith(("RUN ", "COPY ", "ADD "))]
        made = [one.created_by.removesuffix(" # buildkit").replace("/bin/sh -c ", "") for one in report.layers]
        assert made[-len(written) :] == written


def test_a_package_belongs_to_the_layer_that_brought_this_version(reports: dict[str, Report]) -> None:
    storefront, worker = reports["storefront"], reports["worker"]
    assert layer(storefront, "libc6") == 1
    assert layer(storefront, "npm") == 2
    assert layer(storefront, "curl") == 3
    assert layer(storefront, "libssl3") == 3  # upgraded: 3.0.11 lies in layer 1
    assert layer(storefront, "lodash") == 5
    assert layer(worker, "expat") == 1
    assert layer(worker, "celery") == 5
    assert layer(worker, "openssl-libs") == 6  # upgraded


def test_a_package_removed_by_a_later_layer_is_gone(reports: dict[str, Report]) -> None:
    assert "wget" not in {p.name for p in reports["storefront"].packages}  # by dpkg
    assert "wheel" not in {p.name for p in reports["catalogue"].packages}  # by a whiteout


def test_a_package_removed_and_installed_again_belongs_to_the_second_layer(reports: dict[str, Report]) -> None:
    assert layer(reports["payments"], "libcurl") == 2
    assert layer(reports["payments"], "curl") == 5


# -- findings ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("image", "name", "cve", "fixed"),
    [
        ("storefront", "libc6", "CVE-2024-2961", "2.36-9+deb12u6"),
        ("storefront", "libcurl4", "CVE-2024-2398", "7.88.1-10+deb12u6"),
        ("storefront", "lodash", "CVE-2020-28500", "4.17.21"),
        ("storefront", "minimist", "CVE-2021-44906", "1.2.6"),
        ("catalogue", "libssl1.1", "CVE-2022-1292", "1.1.1n-0+deb11u2"),
        ("catalogue", "zlib1g", "CVE-2018-25032", "1:1.2.11.dfsg-2+deb11u1"),
        ("catalogue", "jinja2", "CVE-2020-28493", "2.11.3"),
        ("catalogue", "pyyaml", "CVE-2020-14343", "5.4"),
        ("checkout", "golang.org/x/net", "CVE-2023-44487", "v0.17.0"),
        ("payments", "libcrypto3", "CVE-2023-1255", "3.1.0-r4"),
        ("payments", "openjdk17-jre-headless", "CVE-2023-21930", "17.0.7_p7-r0"),
        ("payments", "org.apache.logging.log4j:log4j-core", "CVE-2021-44228", "2.15.0"),
        ("payments", "org.apache.commons:commons-text", "CVE-2022-42889", "1.10.0"),
        ("worker", "glibc", "CVE-2023-4911", "2.34-60.el9_2.7"),
        ("worker", "celery", "CVE-2021-23727", "5.2.2"),
    ],
)
def test_well_known_findings(reports: dict[str, Report], image: str, name: str, cve: str, fixed: str) -> None:
    assert fixes(reports[image], name).get(cve) == fixed


def test_upgrades_are_believed(reports: dict[str, Report]) -> None:
    # the RHSA that brought 3.0.7-27 fixed it; the version of the base layer had it
    assert "CVE-2023-2975" not in fixes(reports["worker"], "openssl-libs")
    assert "CVE-2024-6119" in fixes(reports["worker"], "openssl-libs")


def test_the_distribution_speaks_for_what_it_installed(reports: dict[str, Report]) -> None:
    report = reports["catalogue"]
    assert package(report, "pyyaml", "5.3.1").owner == "python3-yaml"
    assert package(report, "pyyaml", "5.3").owner == ""
    aside = [s for s in report.suppressed if s.finding.package == package(report, "pyyaml", "5.3.1")]
    assert [(s.by, s.finding.id) for s in aside] == [("distribution", "CVE-2020-14343")]
    assert "python3-yaml" in aside[0].reason
    assert package(reports["worker"], "setuptools", "65.5.1").owner == "python3.11-setuptools"


def test_the_end_of_a_release_is_told(reports: dict[str, Report]) -> None:
    assert "end-of-life" in {d.slug for d in reports["catalogue"].diagnostics}


@pytest.mark.parametrize(
    ("file", "name", "cve", "fixed"),
    [
        ("services/storefront/package-lock.json", "lodash", "CVE-2020-28500", "4.17.21"),
        ("services/catalogue/requirements.txt", "jinja2", "CVE-2020-28493", "2.11.3"),
        ("services/worker/uv.lock", "celery", "CVE-2021-23727", "5.2.2"),
        ("services/admin/Pipfile.lock", "django", "CVE-2022-28346", "3.2.13"),
        ("services/checkout/go.mod", "golang.org/x/net", "CVE-2023-44487", "v0.17.0"),
        ("services/payments/pom.xml", "org.apache.logging.log4j:log4j-core", "CVE-2021-44228", "2.15.0"),
        ("services/settlement/gradle.lockfile", "commons-collections:commons-collections", "CVE-2015-7501", "3.2.2"),
    ],
)
def test_planted_vulnerabilities(tree: Report, file: str, name: str, cve: str, fixed: str) -> None:
    found = [
        f for f in tree.findings if f.id == cve and f.package is not None and f.package.full_name == name and f.fix
    ]
    assert [f.fix.version for f in found if f.fix and file in {place.path for place in f.locations}] == [fixed]


def test_what_only_development_needs_is_told_apart(tree: Report) -> None:
    scopes = {(p.full_name, p.version): p.scope for p in tree.packages}
    assert scopes["handlebars", "4.7.6"] == "dev"
    assert scopes["lodash", "4.17.15"] == ""
    assert scopes["junit:junit", "4.12"] == "test"
    assert scopes["werkzeug", "2.2.2"] == "dev"


def test_the_exception_of_the_shop_fits_one_finding(tree: Report) -> None:
    settings = config.parse((SHOP / "thwart.toml").read_text(encoding="utf-8"), "thwart.toml")
    assert [(one.id, one.expires) for one in settings.exceptions] == [("CVE-2020-15250", "2027-06-30")]
    judged, verdict = decide(tree, Policy(exceptions=settings.exceptions), date(2026, 11, 23))
    aside = [s.finding.package.full_name for s in judged.suppressed if s.by == "exception" and s.finding.package]
    assert aside == ["junit:junit"]
    assert verdict.decision == "deny"
    later, _ = decide(tree, Policy(exceptions=settings.exceptions), date(2027, 7, 1))
    assert not [s for s in later.suppressed if s.by == "exception"]


# -- the script --------------------------------------------------------------------------------------------------------


def test_two_builds_are_the_same(images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tool = script()
    for _ in range(2):  # the second one over the first: nothing is left behind
        assert tool.main(["--output", str(tmp_path)]) == 0
    first, second = (
        {path.relative_to(root): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}
        for root in (images, tmp_path)
    )
    assert first == second
    said = capsys.readouterr().out
    for name in IMAGES:
        digest = json.loads((tmp_path / name / "index.json").read_text(encoding="utf-8"))["manifests"][0]["digest"]
        assert digest in said


def test_an_unknown_image_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        script().main(["--output", str(tmp_path), "nonesuch"])
    assert "no image nonesuch; there are catalogue, checkout" in capsys.readouterr().err


def test_no_file_names_a_registry_or_a_download() -> None:
    hosts = re.compile(r"pypi\.org|pythonhosted|registry\.npmjs|repo1?\.maven|proxy\.golang|gcr\.io|ghcr\.io|quay\.io")
    for path in SHOP.rglob("*"):
        if path.is_file() and "images" not in path.relative_to(SHOP).parts:
            text = path.read_text(encoding="utf-8")
            assert not hosts.search(text), path
            addresses = re.findall(r"https?://([a-z0-9.-]+)", text)
            allowed = ("example.test", "catalogue", "checkout", "payments", "localhost", "apache.org")
            assert [one for one in addresses if not one.endswith(allowed)] == [], path


def test_every_flaw_is_in_a_file_that_exists(images: Path) -> None:
    text = (SHOP / "FLAWS.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")]
    files = [row for row in rows if row != "file"]
    assert len(files) > 50
    for file in files:
        assert (SHOP / file).is_file() or (images / file.removeprefix("images/")).is_dir(), file
