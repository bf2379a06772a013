"""The written form of facts: what goes in comes out, and nothing in it can break a row."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thwart.advisories.schema import (
    Interned,
    clean,
    cve_id,
    cve_key,
    normal,
    own_cve,
    pack_advisory,
    pack_affected,
    pack_cve,
    pack_range,
    unpack_advisory,
    unpack_affected,
    unpack_cve,
    unpack_range,
)
from thwart.advisories.scoring import cvss_score
from thwart.advisories.staging import Sorter
from thwart.advisories.vectors import pack, rating, unpack
from thwart.core.advisory import Advisory, Affected, CveFacts, Exploited, Range, Score, Severity

if TYPE_CHECKING:
    from pathlib import Path

word = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1, max_size=12)
maybe = st.one_of(st.just(""), word)
words = st.lists(word, max_size=3).map(tuple)
version = st.text(string.ascii_letters + string.digits + ".-+~:", min_size=1, max_size=10).filter(lambda v: v != "0")
ranges = st.one_of(
    st.builds(Range, st.one_of(st.just("0"), version), version, st.just("")),
    st.builds(Range, st.one_of(st.just("0"), version), st.just(""), version),
    st.builds(Range, st.one_of(st.just("0"), version), st.just(""), st.just("")),
)
scores = st.builds(
    lambda source, text: Score(source, "word", text, -1.0, Severity.of(text)),
    word,
    st.sampled_from(["High", "low", "odd"]),
)


@given(ranges)
def test_ranges_round_trip(one: Range) -> None:
    assert unpack_range(pack_range(one)) == one


@given(
    st.builds(
        Affected,
        word,
        st.just("npm"),
        st.just("p"),
        st.lists(ranges, max_size=3).map(tuple),
        words,
        maybe,
        maybe,
        maybe,
        words,
        words,
        words,
    )
)
def test_statements_round_trip(one: Affected) -> None:
    back = unpack_affected("npm", "p", f"{one.advisory}\t{pack_affected(one)}".rstrip("\t"))
    assert back._replace(symbols=()) == one._replace(symbols=())
    assert sorted(set(back.symbols)) == sorted(set(one.symbols))


@given(
    st.builds(
        Advisory,
        id=word,
        source=word,
        aliases=words,
        upstream=words,
        related=words,
        published=st.just("2024-01-02"),
        modified=st.just(""),
        scores=st.lists(scores, max_size=3, unique=True).map(tuple),
        informational=maybe,
        reviewed=st.booleans(),
    )
)
def test_advisories_round_trip(one: Advisory) -> None:
    sources = Interned()
    assert unpack_advisory(one.id, pack_advisory(one, sources), sources.names) == one


@given(
    st.builds(
        CveFacts,
        id=st.integers(0, 99_999_999).map(lambda number: f"CVE-2024-{number:04d}"),
        scores=st.lists(scores, max_size=3, unique=True).map(tuple),
        epss=st.one_of(st.none(), st.integers(0, 100_000).map(lambda n: n / 100_000)),
        percentile=st.one_of(st.none(), st.integers(0, 100_000).map(lambda n: n / 100_000)),
        kev=st.one_of(
            st.none(), st.builds(Exploited, added=st.just("2024-01-01"), due=maybe, ransomware=st.booleans())
        ),
        published=st.sampled_from(["", "2024-01-01"]),
        cwes=words,
        rejected=st.booleans(),
    )
)
def test_cves_round_trip(one: CveFacts) -> None:
    sources, key = Interned(), cve_key(one.id)
    assert key is not None
    assert unpack_cve(key, pack_cve(one, sources), sources.names) == one


def test_hostile_text_cannot_break_a_row() -> None:
    evil = "a\tb\nc\x1fd\x1ee\x00f\ud800g"
    one = Affected(evil, "npm", "p", (Range(evil, evil),), (evil,), evil, evil, evil, (evil,), (evil,), (evil,))
    line = f"x\t{pack_affected(one)}"
    line.encode()
    assert "\n" not in line
    back = unpack_affected("npm", "p", line)
    assert len(back.ranges) == len(back.versions) == len(back.arches) == len(back.systems) == 1
    assert back.status == "a\ufffdb\ufffdc\ufffdd\ufffde\ufffdf\ufffdg"
    record = Advisory(id="x", source=evil, aliases=(evil,), scores=(Score(evil, "word", evil, -1.0, Severity.UNKNOWN),))
    sources = Interned()
    assert unpack_advisory("x", pack_advisory(record, sources), sources.names).aliases == (clean(evil),)


@pytest.mark.parametrize(
    ("text", "key"),
    [("CVE-2024-0001", 202_400_000_001), ("CVE-1999-12345678", 199_912_345_678)],
)
def test_cve_keys(text: str, key: int) -> None:
    assert cve_key(text) == key
    assert cve_id(key) == text


@pytest.mark.parametrize(
    "text", ["CVE-2024-1", "cve-2024-0001", "CVE-2024-123456789", "CVE-２０２４-0001", "XCVE-2024-0001", ""]
)
def test_no_cve(text: str) -> None:
    assert cve_key(text) is None


@pytest.mark.parametrize(
    ("ecosystem", "name", "key"),
    [
        ("PyPI", "Zope.Interface__X", "zope-interface-x"),
        ("NuGet", "Newtonsoft.Json", "newtonsoft.json"),
        ("Packagist", "Symfony/HTTP", "symfony/http"),
        ("npm", "JSONStream", "JSONStream"),
        ("Go", "github.com/Azure/x", "github.com/Azure/x"),
        ("Debian:12", "libX11", "libX11"),
    ],
)
def test_names_as_keys(ecosystem: str, name: str, key: str) -> None:
    assert normal(ecosystem, name) == key


def test_own_cve() -> None:
    assert own_cve("UBUNTU-CVE-2024-0001") == "CVE-2024-0001"
    assert own_cve("CVE-2024-0001") == ""
    assert own_cve("DSA-1-1") == ""


class TestVectors:
    @pytest.mark.parametrize(
        ("system", "vector", "length"),
        [
            ("CVSS_V3", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9),
            ("CVSS_V3", "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9),
            ("CVSS_V2", "AV:N/AC:L/Au:N/C:P/I:P/A:P", 7),
            ("CVSS_V4", "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", 12),
            ("CVSS_V3", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/E:P", 0),
            ("CVSS_V3", "CVSS:3.1/AC:L/AV:N/PR:N/UI:N/S:U/C:H/I:H/A:H", 0),
            ("CVSS_V3", "", 0),
            ("word", "Important", 0),
        ],
    )
    def test_round_trip(self, system: str, vector: str, length: int) -> None:
        packed = pack(system, vector)
        assert unpack(packed) == (system, vector)
        assert not length or len(packed) == length

    def test_optional_metrics_that_are_not_defined_are_left_out(self) -> None:
        base = "CVSS:4.0/AV:N/AC:L/AT:P/PR:H/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"
        assert cvss_score("x", "CVSS_V4", f"{base}/E:X/CR:X/U:X").vector == base

    @pytest.mark.parametrize(
        ("score", "wanted"),
        [(-1.0, 0), (0.0, 1), (0.1, 2), (3.9, 2), (4.0, 3), (6.9, 3), (7.0, 4), (8.9, 4), (9.0, 5), (10.0, 5)],
    )
    def test_rating(self, score: float, wanted: int) -> None:
        assert rating(score) == wanted


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=8), max_size=60))
def test_sorting_through_files_is_sorting(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    folder: Path = tmp_path_factory.mktemp("runs")
    sorter = Sorter(folder, "x", run_bytes=300)
    for line in lines:
        sorter.add(line)
    assert list(sorter.sorted()) == sorted(set(lines))
