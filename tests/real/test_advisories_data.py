"""The prepared advisory data in full: what is in the database is counted a second time, by other means."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import resource
import sqlite3
import zipfile
from collections import Counter
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from thwart.advisories.build import BuildResult, build, files
from thwart.advisories.database import Database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.real

TODAY = date(2026, 11, 23)
Triple = tuple[str, str, str]


@pytest.fixture(scope="session")
def built(advisories: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[BuildResult, Database]:
    place = tmp_path_factory.mktemp("real") / "db"
    paths = [path for path, _ in files([advisories]) if "sample" not in str(path) and "redhat" not in str(path)]
    paths = [path for path in paths if not path.name.startswith(("SOURCES", "MANIFEST", "anchore"))]
    result = build(paths, place, today=TODAY)
    return result, Database.open(place)


@pytest.fixture(scope="session")
def database(built: tuple[BuildResult, Database]) -> Database:
    return built[1]


@pytest.fixture(scope="session")
def stated(database: Database) -> set[Triple]:
    """Every (advisory, ecosystem, package) of the database."""
    return {(one.advisory, one.ecosystem, one.name) for one in everything(database)}


def everything(database: Database) -> Iterator[Any]:
    connection = sqlite3.connect(f"file:{database.origin}?mode=ro", uri=True)
    rows = connection.execute("SELECT e.name, p.name FROM package p JOIN ecosystem e ON e.id = p.ecosystem").fetchall()
    connection.close()
    for ecosystem, name in rows:
        yield from database.affected(ecosystem, name)


def records(advisories: Path) -> Iterator[dict[str, Any]]:
    for path in sorted((advisories / "osv").glob("*/all.zip")):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                yield json.loads(archive.read(name))


def key(ecosystem: str, name: str) -> tuple[str, str]:
    ecosystem = re.sub(r"^Ubuntu:Pro:", "Ubuntu:", ecosystem)
    if ecosystem == "PyPI":
        name = re.sub(r"[-_.]+", "-", name).lower()
    return ecosystem, name.lower() if ecosystem in ("NuGet", "Packagist") else name


def test_nothing_was_damaged(built: tuple[BuildResult, Database]) -> None:
    result, database = built
    damaged = [one for one in result.problems if one.incomplete]
    assert damaged == []
    assert [one for one in result.problems if "labels" not in one.path] == []
    assert database.verify(thorough=True) == database.digest
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 1_000_000


def test_every_osv_record_that_is_not_withdrawn_is_there(advisories: Path, database: Database) -> None:
    count: Counter[str] = Counter()
    for record in records(advisories):
        there = database.advisory(record["id"]) is not None
        assert there is not bool(record.get("withdrawn")), record["id"]
        count["withdrawn" if record.get("withdrawn") else "kept"] += 1
    left = sum(reasons.get("withdrawn", 0) for reasons in database.left.values())
    assert left == count["withdrawn"]
    assert count["kept"] > 90_000


def test_every_statement_and_every_end_of_a_range_is_there(
    advisories: Path, database: Database, stated: set[Triple]
) -> None:
    ends: dict[Triple, set[str]] = {}
    for one in everything(database):
        triple = (one.advisory, one.ecosystem, one.name)
        ends.setdefault(triple, set()).update(edge for each in one.ranges for edge in (each.fixed, each.last) if edge)
    expected: set[Triple] = set()
    for record in records(advisories):
        if record.get("withdrawn"):
            continue
        for affected in record["affected"]:
            ranges = [each for each in affected.get("ranges") or [] if each["type"] != "GIT" and each["events"]]
            if not ranges and not affected.get("versions"):
                continue
            triple = (record["id"], *key(affected["package"]["ecosystem"], affected["package"]["name"]))
            expected.add(triple)
            custom = (affected.get("ecosystem_specific") or {}).get("custom_ranges")
            for each in ranges if not custom else ():
                kinds = [next(iter(event)) for event in each["events"]]
                if all((kind == "introduced") == (at % 2 == 0) for at, kind in enumerate(kinds)):
                    wanted = {event.get("fixed") or event.get("last_affected") for event in each["events"]} - {
                        None,
                        "0",
                    }
                    assert wanted <= ends[triple], triple
    osv = {one for one in stated if not one[0].startswith(("ALPINE-", "WOLFI-", "DEBIAN-"))}
    assert osv == expected


def test_every_secdb_entry_is_there(advisories: Path, stated: set[Triple]) -> None:
    expected = set()
    for path in [*sorted(advisories.glob("alpine/secdb/*/*.json")), advisories / "wolfi/security.json"]:
        content = json.loads(path.read_bytes())
        ecosystem = f"Alpine:{content['distroversion']}" if "distroversion" in content else "Wolfi"
        for package in content["packages"]:
            for ids in package["pkg"]["secfixes"].values():
                for text in ids:
                    for cve in re.findall(r"CVE-\d{4}-\d{4,}", text):
                        expected.add(
                            (f"{ecosystem.partition(':')[0].upper()}-{cve}", ecosystem, package["pkg"]["name"])
                        )
    found = {one for one in stated if re.fullmatch(r"(ALPINE|WOLFI)-CVE-\d{4}-\d{4,}", one[0])}
    assert found == expected


def test_every_changelog_fix_is_there(advisories: Path, stated: set[Triple]) -> None:
    expected = set()
    for path in advisories.glob("debian/changelog-fixes-*.json.gz"):
        content = json.loads(gzip.decompress(path.read_bytes()))
        for name, source in content["packages"].items():
            expected |= {(f"DEBIAN-{cve}", content["ecosystem"], name) for cve in source["fixed"]}
    assert {one for one in stated if one[0].startswith("DEBIAN-")} == expected
    assert len(expected) == 3362


def test_kev(advisories: Path, database: Database) -> None:
    catalogue = json.loads((advisories / "kev/known_exploited_vulnerabilities.json").read_bytes())
    for item in catalogue["vulnerabilities"]:
        facts = database.cve(item["cveID"])
        assert facts is not None
        assert facts.kev is not None
        assert (facts.kev.added, facts.kev.due) == (item["dateAdded"], item["dueDate"])
        assert facts.kev.ransomware is (item["knownRansomwareCampaignUse"] == "Known")


def test_epss(advisories: Path, database: Database) -> None:
    (path,) = advisories.glob("epss/*.csv.gz")
    rows = gzip.decompress(path.read_bytes()).decode().splitlines()[2:]
    assert len(rows) == 360_142
    for row in rows[::7]:
        name, probability, percentile = row.split(",")
        facts = database.cve(name)
        assert facts is not None
        assert (facts.epss, facts.percentile) == (float(probability), float(percentile))


def test_scores_are_those_that_others_computed(advisories: Path, database: Database) -> None:
    """All of NVD's. A few CNAs state temporal scores as base scores, or ones that the formula does not give."""
    text = gzip.decompress((advisories / "cve/cvss-vectors.csv.gz").read_bytes()).decode()
    wrong: Counter[str] = Counter()
    rows = list(csv.DictReader(io.StringIO(text)))
    for row in rows:
        facts = database.cve(row["cve"])
        assert facts is not None
        vector = re.sub(r"/[A-Z]{1,3}:X(?=/|$)", "", row["vector"])
        found = [one for one in facts.scores if one.vector == vector]
        assert found, row
        if row["score"] and "/E:" not in vector and abs(found[0].score - float(row["score"])) > 0.05:
            wrong[row["source"].partition("@")[0]] += 1
    assert wrong["nvd"] == 0
    assert wrong.total() < len(rows) * 0.003


def test_ubuntu_pro_lies_beside_its_release(database: Database) -> None:
    channels = Counter(one.channel for one in database.affected("Ubuntu:18.04:LTS", "apache-log4j2"))
    assert channels["pro"] > 0
    assert channels[""] > 0
    assert not any(name.startswith("Ubuntu:Pro") for name in database.ecosystems())


def test_alma_modules_have_their_stream(database: Database) -> None:
    found = [
        one
        for one in database.affected("AlmaLinux:9", "nodejs")
        if any(".module_el" in each.fixed for each in one.ranges)
    ]
    assert found
    assert all(re.fullmatch(r"nodejs:\d+", one.channel) for one in found)


def test_real_records_of_many_distributions(advisories: Path, tmp_path: Path) -> None:
    result = build([advisories / "osv-samples/linux-distros.zip"], tmp_path / "db", today=TODAY)
    assert [one for one in result.problems if one.incomplete] == []
    with Database.open(tmp_path / "db") as database:
        errata = database.advisory("RHSA-2024:6220")
        assert errata is not None
        assert errata.upstream == ("CVE-2024-6345",)
        streams = {one.channel for one in database.affected("Red Hat:rhel_aus:8.6::appstream", "PyYAML")}
        assert streams == {"python39:3.9"}
        musl = database.affected("Alpine:v3.16", "musl")
        assert {one.advisory for one in musl} == {"ALPINE-CVE-2025-26519", "CVE-2025-26519"}
        usn = database.advisory("USN-5614-1")
        assert usn is not None
        assert usn.upstream == ("CVE-2021-3782",)


def test_the_trackers_sample(advisories: Path, tmp_path: Path) -> None:
    build([advisories / "debian/tracker-json-sample.json"], tmp_path / "db", today=TODAY)
    with Database.open(tmp_path / "db") as database:
        by_status = Counter(one.status for one in database.affected("Debian:10", "prototypejs"))
        assert by_status == {"": 1, "not-affected": 1}
        assert [one.status for one in database.affected("Debian:10", "chromium")] == ["end-of-life"]
        assert [one.ranges[0].fixed for one in database.affected("Debian:12", "sope")] == ["5.8.0-1+deb12u1"]


def test_nvd_sample(advisories: Path, tmp_path: Path) -> None:
    path = advisories / "nvd/nvdcve-2.0-sample.json.gz"
    build([path], tmp_path / "db", today=TODAY)
    checked = 0
    with Database.open(tmp_path / "db") as database:
        for item in json.loads(gzip.decompress(path.read_bytes()))["vulnerabilities"]:
            cve = item["cve"]
            facts = database.cve(cve["id"])
            assert facts is not None
            if facts.rejected:
                continue
            for group in cve.get("metrics", {}).values():
                for metric in group:
                    data = metric.get("cvssData", {})
                    if "vectorString" in data:
                        found = {one.vector: one.score for one in facts.scores}
                        vector = re.sub(r"/[A-Z]{1,3}:X(?=/|$)", "", data["vectorString"])
                        assert found[vector] == pytest.approx(data["baseScore"], abs=0.05), (cve["id"], vector)
                        checked += 1
    assert checked > 150
