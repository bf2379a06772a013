"""Which release a tree is: precedence between files, ecosystems, quoting. The files themselves are in tests/data."""

from __future__ import annotations

import json
import zipfile
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thwart.catalogers.release import PRECEDENCE, choose, ecosystem, release
from thwart.core.errors import ParseError
from thwart.core.limits import Limits
from thwart.core.package import File, Release
from thwart.lib import osrelease


def stated(path: str, text: str) -> Release | None:
    return release(File(path=path, data=text.encode()), Limits()).release


def test_every_file_gives_way_to_those_before_it() -> None:
    files = {path: Release(id=path) for path in PRECEDENCE}
    for better, worse in combinations(PRECEDENCE, 2):
        assert choose({worse: files[worse], better: files[better]}) is files[better]
    assert choose(files) is files["etc/os-release"]


def test_no_files_no_release() -> None:
    assert choose({}) is None
    assert choose({"srv/os-release": Release(id="debian")}) is None


def test_a_file_that_names_no_system_gives_way() -> None:
    nameless = Release(id="linux", name="Mystery")
    named = Release(id="centos", version="6.10")
    assert choose({"etc/os-release": nameless, "etc/redhat-release": named}) is named
    assert choose({"etc/os-release": nameless}) is nameless


def test_debian_without_a_version_is_completed() -> None:
    bare = stated("etc/os-release", "ID=debian\n")
    assert bare is not None
    assert bare.ecosystem == "Debian:sid"
    numbered = stated("etc/debian_version", "12.5\n")
    testing = stated("etc/debian_version", "trixie/sid\n")
    assert numbered is not None
    assert testing is not None
    whole = choose({"etc/os-release": bare, "etc/debian_version": numbered})
    assert whole is not None
    assert (whole.version, whole.ecosystem, whole.name) == ("12", "Debian:12", bare.name)
    whole = choose({"etc/os-release": bare, "etc/debian_version": testing})
    assert whole is not None
    assert (whole.version, whole.codename, whole.ecosystem) == ("", "trixie", "Debian:13")


def test_ubuntu_is_not_the_debian_that_it_came_from() -> None:
    ubuntu = stated("etc/os-release", 'ID=ubuntu\nVERSION_ID="22.04"\n')
    debian = stated("etc/debian_version", "bookworm/sid\n")
    assert ubuntu is not None
    assert debian is not None
    assert choose({"etc/debian_version": debian, "etc/os-release": ubuntu}) is ubuntu


def test_oracle_is_not_the_red_hat_of_its_own_file() -> None:
    oracle = stated("etc/oracle-release", "Oracle Linux Server release 6.10\n")
    redhat = stated("etc/redhat-release", "Red Hat Enterprise Linux Server release 6.10 (Santiago)\n")
    assert oracle is not None
    assert redhat is not None
    assert choose({"etc/redhat-release": redhat, "etc/oracle-release": oracle}) is oracle


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("22.04", "Ubuntu:22.04:LTS"),
        ("24.04", "Ubuntu:24.04:LTS"),
        ("14.04.5", "Ubuntu:14.04:LTS"),
        ("6.06", "Ubuntu:6.06:LTS"),
        ("23.10", "Ubuntu:23.10"),
        ("23.04", "Ubuntu:23.04"),
        ("24.10", "Ubuntu:24.10"),
        ("22", ""),
        ("", ""),
        ("rolling", ""),
    ],
)
def test_ubuntu_releases(version: str, expected: str) -> None:
    assert ecosystem(Release(id="ubuntu", version=version)) == expected


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (Release(id="debian", version="11"), "Debian:11"),
        (Release(id="debian", version="12.13"), "Debian:12"),
        (Release(id="debian", version="6"), "Debian:6.0"),
        (Release(id="debian", version="3.1"), "Debian:3.1"),
        (Release(id="debian", codename="bullseye"), "Debian:11"),
        (Release(id="debian", codename="sid"), "Debian:sid"),
        (Release(id="debian", codename="not-yet-named"), "Debian:sid"),
        (Release(id="debian", version="unstable"), ""),
        (Release(id="alpine", version="3.9.6"), "Alpine:v3.9"),
        (Release(id="alpine", version="3.20"), "Alpine:v3.20"),
        (Release(id="alpine", version="edge"), "Alpine:edge"),
        (Release(id="alpine", version="3"), ""),
        (Release(id="rocky", version="10.0"), "Rocky Linux:10"),
        (Release(id="rocky"), ""),
        (Release(id="alpaquita"), ""),
        (Release(id="openEuler", version="20.03", variant="LTS-SP1"), "openEuler:20.03-LTS-SP1"),
        (Release(id="openEuler", version="23.09"), "openEuler:23.09"),
        (Release(id="amzn", version="2"), "Amazon Linux:2"),
        (Release(id="amzn", version="2018.03"), "Amazon Linux:1"),
        (Release(id="kali", id_like=("debian",), version="2024.1"), ""),
        (Release(id="postmarketos", id_like=("alpine",), version="v24.06"), ""),
        (Release(id="sles", version="15.5"), ""),
        (Release(id="RHEL", version="8.10"), "Red Hat:enterprise_linux:8"),
    ],
)
def test_ecosystems(found: Release, expected: str) -> None:
    assert ecosystem(found) == expected


def test_ecosystems_are_those_of_real_advisories(advisories: Path) -> None:
    """What we call a release is what advisories call it: exactly, or (Red Hat) as the beginning of a stream."""
    known: set[str] = set()
    with zipfile.ZipFile(advisories / "osv-samples" / "linux-distros.zip") as archive:
        for name in filter(lambda one: one.endswith(".json"), archive.namelist()):
            for affected in json.loads(archive.read(name)).get("affected", []):
                known.add(affected.get("package", {}).get("ecosystem", ""))
    systems = [
        Release(id="debian", version="12"),
        Release(id="debian", version="6"),
        Release(id="debian", version="3.0"),
        Release(id="ubuntu", version="22.04"),
        Release(id="ubuntu", version="25.10"),
        Release(id="alpine", version="3.20.1"),
        Release(id="wolfi", version="20230201"),
        Release(id="chainguard"),
        Release(id="rocky", version="8.9"),
        Release(id="openEuler", version="22.03", variant="LTS-SP3"),
        Release(id="openEuler", version="20.03", variant="LTS"),
        Release(id="sles", version="12.1", name="SUSE Linux Enterprise Server 12 SP1"),
    ]
    assert {ecosystem(one) for one in systems} - known == set()
    stream = ecosystem(Release(id="rhel", version="7.9"))
    assert any(one.startswith(f"{stream}:") for one in known)


def test_a_release_file_is_small() -> None:
    with pytest.raises(ParseError, match="not a release file"):
        release(File(path="etc/os-release", data=b"ID=debian\n" * 100_000), Limits())


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("plain", "plain"),
        ('"Debian GNU/Linux 12 (bookworm)"', "Debian GNU/Linux 12 (bookworm)"),
        ("'single $quoted \\n'", "single $quoted \\n"),
        ('"\\"quoted\\" \\$5 \\`x\\` \\\\"', '"quoted" $5 `x` \\'),
        ('"keeps \\n"', "keeps \\n"),
        ("es\\ caped", "es caped"),
        ("12 # comment", "12"),
        ('"12" # comment', "12"),
        ("a'b'\"c\"", "abc"),
        ("''", ""),
        ("", ""),
        ("trailing\\", "trailing\\"),
    ],
)
def test_quoting(raw: str, expected: str) -> None:
    assert osrelease.unquote(raw) == (expected, True)
    assert osrelease.parse(f"X={raw}\n") == ({"X": expected}, ())


@given(st.text(st.characters(exclude_characters="\n\r\0")))
def test_a_value_in_quotes_comes_back(value: str) -> None:
    escaped = "".join(f"\\{char}" if char in '"$`\\' else char for char in value)
    assert osrelease.unquote(f'"{escaped}"') == (value, True)
    if "'" not in value:
        assert osrelease.unquote(f"'{value}'") == (value, True)


def test_an_open_quote_is_told() -> None:
    assert osrelease.parse('A="x\nB=1\nA="y\n') == ({"A": "y", "B": "1"}, ("A",))
    assert osrelease.parse('A="x\nA=whole\n') == ({"A": "whole"}, ())
