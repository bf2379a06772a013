"""Alpine and Wolfi images with real names and versions; what must be found follows from the security databases alone.

No apk is at hand. So the versions are the databases' own, one revision below or above them (`-rN`), and only names count
whose versions are plain numbers, which anybody can order.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.real.conftest import Cli, by_type, need, new_image, once, syft, thwart, write_layer

pytestmark = pytest.mark.real

PLAIN = re.compile(r"([1-9]\d*(?:\.(?:0|[1-9]\d*))*)-r(\d+)")
ID = re.compile(r"[A-Z]+(?:-\w+)+")
ALPINE = 'NAME="Alpine Linux"\nID=alpine\nVERSION_ID=3.18.12\nPRETTY_NAME="Alpine Linux v3.18"\n'
WOLFI = 'ID=wolfi\nNAME="Wolfi"\nPRETTY_NAME="Wolfi"\nVERSION_ID="20230201"\n'
BASE = {  # always there, and never in a database
    "alpine-baselayout-data": "3.4.3-r1",
    "scanelf": "1.3.7-r1",
}


class Apk(NamedTuple):
    """An installed package: its own name and its origin's."""

    name: str
    origin: str
    version: str


Fixes = dict[str, dict[str, list[str]]]  # origin -> version -> ids


def ids(text: str) -> list[str]:
    """What an entry closes: its CVEs, and when it names none, the first of its ids (`XSA-207`)."""
    named = ID.findall(text)
    return [one for one in named if one.startswith("CVE-")] or named[:1]


def fixes(*files: Path) -> Fixes:
    """What the security databases say, for origins whose versions anybody can order."""
    found: Fixes = defaultdict(lambda: defaultdict(list))
    for file in files:
        for entry in json.loads(file.read_text())["packages"]:
            for version, closed in entry["pkg"]["secfixes"].items():
                found[entry["pkg"]["name"]][version] += [one for text in closed for one in ids(text)]
    return {name: known for name, known in found.items() if all(PLAIN.fullmatch(v) for v in known if v != "0")}


def unfixed(osv: Path, known: Fixes) -> dict[str, set[str]]:
    """What Wolfi's OSV records leave open, and its security database says nothing of."""
    found: dict[str, set[str]] = defaultdict(set)
    with zipfile.ZipFile(osv) as archive:
        for member in archive.namelist():
            raw = archive.read(member)
            if b'"fixed":' in raw:
                continue
            record = json.loads(raw)
            about = [one for one in (*record.get("upstream", ()), *record.get("aliases", ())) if ID.fullmatch(one)]
            for block in record["affected"]:
                name = block["package"]["name"]
                said = {one for closed in known.get(name, {}).values() for one in closed}
                found[name].update(one for one in (ids(" ".join(about))) if one not in said)
    return found


def order(version: str) -> tuple[tuple[int, ...], int]:
    shape = PLAIN.fullmatch(version)
    assert shape is not None, version
    return tuple(map(int, shape[1].split("."))), int(shape[2])


def near(version: str, step: int) -> str:
    """The same version, `step` revisions on."""
    numbers, revision = version.rsplit("-r", 1)
    return f"{numbers}-r{int(revision) + step}"


def chosen(known: Fixes, count: int) -> Iterator[Apk]:
    """Of every origin a version below, at or above one of its fixes, in turn; every third as a subpackage."""
    # one version with a revision to go back from, and more than one entry where there are enough
    fit = {name: [v for v in known[name] if v != "0" and order(v)[1] > 0] for name in sorted(known)}
    named = sorted((name for name in fit if fit[name]), key=lambda name: (-len(known[name]), name))
    # most entries first, and as many of the rest: both long histories and short ones
    for number, name in enumerate(named[: count // 2] + named[-(count // 2) :]):
        version = near(sorted(fit[name], key=order)[number % len(fit[name])], number % 3 - 1)
        yield Apk(f"{name}-libs" if number % 3 == 2 else name, name, version)


def installed(packages: list[Apk]) -> str:
    """`lib/apk/db/installed` as apk writes it."""
    return "".join(
        f"C:Q1{number:027d}=\nP:{one.name}\nV:{one.version}\nA:x86_64\nS:1\nI:2\nT:x\nU:x\nL:MIT\no:{one.origin}\n"
        f"m:x <x@example.test>\nt:1\nc:{number:040d}\nF:usr\nF:usr/lib\nR:{one.name}.so\na:0:0:755\n\n"
        for number, one in enumerate(packages)
    )


def must_find(known: Fixes, packages: list[Apk]) -> dict[tuple[str, str], set[str]]:
    """(package, id) and the versions that end it."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for one in packages:
        for version, closed in known.get(one.origin, {}).items():
            if version != "0" and order(one.version) < order(version):
                for name in closed:
                    found[one.name, name].add(version)
    return found


class Made(NamedTuple):
    layout: Path
    packages: list[Apk]
    known: Fixes
    open: dict[str, set[str]]  # by origin: without a fix
    done: Cli


def image(
    factory: pytest.TempPathFactory, release: str, known: Fixes, left: dict[str, set[str]], packages: list[Apk]
) -> Made:
    def build(folder: Path) -> None:
        need("umoci")
        files: dict[str, str | bytes] = {"etc/os-release": release, "lib/apk/db/installed": installed(packages)}
        files |= {f"usr/lib/{one.name}.so": "x" for one in packages}
        new_image(folder / "L", "t", write_layer(folder / "layer.tar", files))

    layout = once(factory, "wolfi" if release == WOLFI else "alpine", build) / "L"
    return Made(
        layout, packages, known, left, thwart("scan", f"oci:{layout}", "-o", "json", home=factory.mktemp("home"))
    )


@pytest.fixture(scope="session")
def alpine(advisories: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    place = advisories / "alpine" / "secdb" / "v3.18"
    known = fixes(place / "main.json", place / "community.json")
    packages = [*chosen(known, 44), *(Apk(name, name, version) for name, version in BASE.items())]
    return image(tmp_path_factory, ALPINE, known, {}, packages)


@pytest.fixture(scope="session")
def wolfi(advisories: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    known = fixes(advisories / "wolfi" / "security.json")
    left = unfixed(advisories / "osv" / "Wolfi" / "all.zip", known)
    return image(tmp_path_factory, WOLFI, known, left, list(chosen(known, 60)))


@pytest.fixture(params=["alpine", "wolfi"])
def made(request: pytest.FixtureRequest) -> Made:
    found: Made = request.getfixturevalue(request.param)
    return found


def told(report: dict[str, Any]) -> dict[tuple[str, str], str]:
    """The fix (or nothing) of every finding."""
    of_packages = [one for one in report["findings"] if "package" in one]
    return {(one["package_name"], one["id"]): one.get("fix", {}).get("version", "") for one in of_packages}


def test_packages_are_those_of_the_database(made: Made) -> None:
    report = made.done.report
    assert sorted((p["name"], p["source"], p["version"]) for p in report["packages"]) == sorted(made.packages)
    assert report["release"]["ecosystem"] in ("Alpine:v3.18", "Wolfi")
    assert not [one for one in report["diagnostics"] if one["incomplete"]]


def test_an_independent_lister_agrees(made: Made) -> None:
    theirs = {(a["type"], a["name"], a["version"]) for a in syft(f"oci-dir:{made.layout}")}
    ours = {(p["type"], p["name"], p["version"]) for p in made.done.report["packages"]}
    assert by_type(ours, "apk") == by_type(theirs, "apk")


def test_findings_are_those_that_follow_from_the_databases(made: Made) -> None:
    ours, expected = told(made.done.report), must_find(made.known, made.packages)
    left = {(one.name, name) for one in made.packages for name in made.open.get(one.origin, ())}
    assert len(expected) > 500
    assert set(ours) - set(expected) == left
    assert set(expected) - set(ours) == set()
    # several entries may name one id: then only the last of them ends it
    assert {key: ours[key] for key in expected if ours[key] != max(expected[key], key=order)} == {}
    assert {ours[key] for key in left} <= {""}


def test_versions_below_at_and_above_a_fix_are_told_apart(made: Made) -> None:
    """Not a matter of chance: each kind is in the image, and only one of them has what the next entry mends."""
    found = {name for (name, _), fix in told(made.done.report).items() if fix}
    below = {one.name for one in made.packages if near(one.version, 1) in made.known.get(one.origin, {})}
    newest = {
        one.name
        for one in made.packages
        if one.origin in made.known and all(v == "0" or order(v) <= order(one.version) for v in made.known[one.origin])
    }
    with_ids = {one.name for one in made.packages if any(made.known.get(one.origin, {}).get(near(one.version, 1), ()))}
    assert len(below) > 5
    assert len(newest) > 5
    assert with_ids <= found
    assert not newest & found


def test_a_version_of_zero_is_no_finding(made: Made) -> None:
    never = {
        (one.name, name)
        for one in made.packages
        for name in made.known.get(one.origin, {}).get("0", ())
        if not any(name in ids for version, ids in made.known[one.origin].items() if version != "0")
    }
    assert never or made.done.report["release"]["id"] == "alpine"
    assert not never & set(told(made.done.report))
