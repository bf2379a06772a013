"""Decoders of the formats beside OSV, on small documents."""

from __future__ import annotations

import json
from typing import Any

import pytest

from thwart.advisories.feeds import DECODERS, Damaged, Dated, Document, Entry, Left, ReleaseDates, recognise
from thwart.core.advisory import CveFacts, Exploited, Range, Score, Severity, Support
from thwart.core.errors import ParseError
from thwart.core.limits import DEFAULT

V31 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
CRITICAL = Severity.CRITICAL


def decode(name: str, content: Any, expected: str) -> list[Any]:
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    document = Document(name, data)
    member = recognise(document)
    assert member is not None
    assert member.name == expected
    return list(member.decode(document, DEFAULT))


def test_every_decoder_is_loaded_from_the_folder() -> None:
    wanted = {
        "alpine",
        "cve5",
        "cvss_vectors",
        "debian",
        "debian_changelog",
        "debian_support",
        "eol",
        "epss",
        "kev",
        "nvd2",
    }
    assert set(DECODERS.load()) == wanted | {"osv", "wolfi"}


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"hello", b'{"a": 1', b"\x00\xff", b'{"packages": {}}', b"a,b,c\n1,2,3\n"]
)
def test_what_is_no_feed_is_not_recognised(content: bytes) -> None:
    assert recognise(Document("x.json", content)) is None


class TestSecdb:
    def document(self, secfixes: dict[str, Any], **top: Any) -> dict[str, Any]:
        packages = [{"pkg": {"name": "xen", "secfixes": secfixes}}]
        return {"urlprefix": "https://example.test/alpine", "reponame": "main", "packages": packages, **top}

    def test_alpine(self) -> None:
        found = decode("main.json", self.document({"4.1-r0": ["CVE-2020-1000"]}, distroversion="v3.20"), "alpine")
        (one,) = found
        assert (one.advisory.id, one.advisory.upstream) == ("ALPINE-CVE-2020-1000", ("CVE-2020-1000",))
        statement = one.affected[0]
        assert (statement.ecosystem, statement.name, statement.ranges) == (
            "Alpine:v3.20",
            "xen",
            (Range("0", "4.1-r0"),),
        )

    def test_an_entry_with_several_ids(self) -> None:
        found = decode(
            "main.json",
            self.document({"4.1-r0": ["CVE-2020-1000 CVE-2020-1001 XSA-3"]}, distroversion="edge"),
            "alpine",
        )
        assert [one.advisory.upstream for one in found] == [("CVE-2020-1000",), ("CVE-2020-1001",)]
        assert [one.advisory.related for one in found] == [("XSA-3",)] * 2

    @pytest.mark.parametrize(
        ("text", "own", "upstream"),
        [
            ("XSA-3", "ALPINE-XSA-3", ("XSA-3",)),
            ("ALPINE-13661", "ALPINE-13661", ()),
            ("GHSA-aaaa-bbbb-cccc", "ALPINE-GHSA-aaaa-bbbb-cccc", ("GHSA-aaaa-bbbb-cccc",)),
            ("CVE-2017-2616 (+ regression fix)", "ALPINE-CVE-2017-2616", ("CVE-2017-2616",)),
        ],
    )
    def test_ids_of_other_kinds(self, text: str, own: str, upstream: tuple[str, ...]) -> None:
        (one,) = decode("main.json", self.document({"1": [text]}, distroversion="edge"), "alpine")
        assert (one.advisory.id, one.advisory.upstream) == (own, upstream)

    def test_version_zero_is_never_affected(self) -> None:
        (one,) = decode("main.json", self.document({"0": ["CVE-2020-1000"]}, distroversion="v3.20"), "alpine")
        assert (one.affected[0].status, one.affected[0].ranges) == ("not-affected", ())

    def test_wolfi_and_chainguard_are_told_apart(self) -> None:
        for prefix, ecosystem in (
            ("https://packages.wolfi.dev", "Wolfi"),
            ("https://packages.cgr.dev/chainguard", "Chainguard"),
        ):
            (one,) = decode("security.json", self.document({"1": ["CVE-2020-1000"]}, urlprefix=prefix), "wolfi")
            assert one.affected[0].ecosystem == ecosystem
            assert one.advisory.id == f"{ecosystem.upper()}-CVE-2020-1000"

    def test_an_unknown_distribution_is_an_error(self) -> None:
        with pytest.raises(ParseError, match="not known"):
            decode("security.json", self.document({"1": ["CVE-2020-1000"]}), "wolfi")

    def test_nulls_damage_and_noise(self) -> None:
        content = self.document({"1": None, "2": ["no id here"]}, distroversion="v3.20")
        content["packages"] += [{"pkg": {"secfixes": {}}}, {"pkg": {"name": "ok", "secfixes": None}}]
        found = decode("main.json", content, "alpine")
        assert [type(one) for one in found] == [Left, Damaged]


class TestDebianTracker:
    def statements(self, **release: Any) -> tuple[Any, ...]:
        content = {"openssl": {"CVE-2024-1000": {"scope": "remote", "releases": {"bookworm": release}}}}
        (one,) = decode("tracker.json", content, "debian")
        assert isinstance(one, Entry)
        assert (one.advisory.id, one.advisory.upstream) == ("DEBIAN-CVE-2024-1000", ("CVE-2024-1000",))
        assert (one.affected[0].ecosystem, one.affected[0].name) == ("Debian:12", "openssl")
        return one.affected[0].ranges, one.affected[0].status, one.affected[0].severity

    def test_states(self) -> None:
        start = (Range("0"),)
        assert self.statements(status="resolved", fixed_version="3.0-1", urgency="high**") == (
            (Range("0", "3.0-1"),),
            "",
            "high",
        )
        assert self.statements(status="resolved", fixed_version="0", urgency="unimportant") == ((), "not-affected", "")
        assert self.statements(status="open", urgency="not yet assigned") == (start, "", "")
        assert self.statements(status="open", urgency="end-of-life") == (start, "end-of-life", "")
        assert self.statements(status="open", urgency="unimportant") == (start, "unimportant", "")
        assert self.statements(status="open", urgency="low", nodsa="Minor issue", nodsa_reason="") == (
            start,
            "no-dsa",
            "low",
        )
        assert self.statements(status="open", nodsa="Minor issue", nodsa_reason="ignored") == (start, "ignored", "")
        assert self.statements(status="open", nodsa="Minor issue", nodsa_reason="postponed") == (start, "postponed", "")
        assert self.statements(status="undetermined", urgency="not yet assigned") == (start, "undetermined", "")
        assert self.statements(status="resolved", fixed_version="3.0-1", urgency="unimportant") == (
            (Range("0", "3.0-1"),),
            "unimportant",
            "",
        )
        assert self.statements(status="resolved") == (start, "undetermined", "")

    def test_releases_by_code_name(self) -> None:
        releases = {name: {"status": "open"} for name in ("sid", "trixie", "squeeze", "novel")}
        (one,) = decode("t", {"a": {"CVE-2024-1000": {"releases": releases}}}, "debian")
        assert [each.ecosystem for each in one.affected] == ["Debian:sid", "Debian:13", "Debian:6.0", "Debian:novel"]

    def test_an_empty_list_of_releases(self) -> None:
        assert decode("t", {"a": {"CVE-2022-0358": {"releases": []}}}, "debian") == [Left("no-release")]

    def test_temporary_ids_and_damaged_neighbours(self) -> None:
        issue = {"releases": {"sid": {"status": "open"}}}
        content = {"a": {"TEMP-0000001-ABCDEF": issue}, "b": {"CVE-2024-1000": 5}, "c": {"CVE-2024-1001": issue}}
        first, second, third = decode("t", content, "debian")
        assert (first.advisory.id, first.advisory.upstream) == ("TEMP-0000001-ABCDEF", ())
        assert isinstance(second, Damaged)
        assert second.what == "b"
        assert third.advisory.id == "DEBIAN-CVE-2024-1001"


def test_debian_changelogs() -> None:
    fixed = {
        "CVE-2024-1000": {"fixed_version": "2-1", "dist": "x", "date": "Thu, 12 Nov 2026 09:58:41 +0100"},
        "CVE-x": {"fixed_version": "1"},
    }
    content = {"release": "bookworm", "ecosystem": "Debian:12", "packages": {"a": {"meta": {}, "fixed": fixed}}}
    one, left, dated = decode("c.json", content, "debian_changelog")
    assert (one.advisory.id, one.affected[0].ranges) == ("DEBIAN-CVE-2024-1000", (Range("0", "2-1"),))
    assert left == Left("no-id")
    assert dated == Dated("2026-11-12")


class TestCve:
    def document(self, **fields: Any) -> dict[str, Any]:
        metadata = {"cveId": "CVE-2024-1000", "state": "PUBLISHED", "datePublished": "2024-01-24T00:00:00"}
        return {"dataType": "CVE_RECORD", "cveMetadata": metadata, "containers": fields}

    def test_scores_of_cna_and_adp(self) -> None:
        cna = {
            "metrics": [
                {"format": "CVSS", "cvssV3_1": {"vectorString": V31, "baseScore": 1.0}},
                {"other": {"type": "ssvc"}},
            ],
            "problemTypes": [{"descriptions": [{"lang": "en", "cweId": "CWE-79"}, {"description": "n/a"}]}],
        }
        adp = [
            {
                "metrics": [{"cvssV2_0": {"vectorString": "AV:N/AC:L/Au:N/C:P/I:P/A:P"}}],
                "providerMetadata": {"shortName": "CISA-ADP"},
            }
        ]
        (one,) = decode("c.json", self.document(cna=cna, adp=adp), "cve5")
        assert one == CveFacts(
            id="CVE-2024-1000",
            scores=(
                Score("CNA", "CVSS_V3", V31, 9.8, CRITICAL),  # computed, whatever the record says
                Score("ADP:CISA-ADP", "CVSS_V2", "AV:N/AC:L/Au:N/C:P/I:P/A:P", 7.5, Severity.HIGH),
            ),
            published="2024-01-24",
            cwes=("CWE-79",),
        )

    def test_rejected(self) -> None:
        content = self.document(cna={"metrics": [{"cvssV3_1": {"vectorString": V31}}]})
        content["cveMetadata"]["state"] = "REJECTED"
        assert decode("c.json", content, "cve5") == [CveFacts(id="CVE-2024-1000", rejected=True)]

    def test_damaged(self) -> None:
        (one,) = decode("c.json", self.document(cna=[]), "cve5")
        assert isinstance(one, Damaged)


def test_nvd() -> None:
    metric = {"source": "nvd@nist.gov", "type": "Primary", "cvssData": {"vectorString": V31}}
    other = {
        "source": "134c704f-9b21-4f2e-91b3-4a467353bcc0",
        "cvssData": {"vectorString": "AV:N/AC:L/Au:N/C:P/I:P/A:P"},
    }
    cve = {
        "id": "CVE-2024-1000",
        "published": "2024-02-03T00:00:00.000",
        "vulnStatus": "Analyzed",
        "metrics": {"cvssMetricV31": [metric, {**metric, "source": "a@example.test"}], "cvssMetricV2": [other]},
        "weaknesses": [{"description": [{"lang": "en", "value": "CWE-20"}, {"value": "NVD-CWE-Other"}]}],
    }
    rejected = {"id": "CVE-2024-1001", "vulnStatus": "Rejected"}
    page = {
        "resultsPerPage": 3,
        "format": "NVD_CVE",
        "timestamp": "2026-08-22T00:00:00",
        "vulnerabilities": [{"cve": cve}, {"cve": rejected}, {"cve": 5}],
    }
    dated, first, second, third = decode("nvd.json", page, "nvd2")
    assert dated == Dated("2026-08-22")
    assert [score.source for score in first.scores] == ["NVD", "CNA", "ADP:CISA-ADP"]
    assert (first.published, first.cwes) == ("2024-02-03", ("CWE-20",))
    assert second.rejected
    assert isinstance(third, Damaged)


KEV_FACT = CveFacts(
    id="CVE-2024-1000", kev=Exploited(added="2026-08-21", due="2026-08-24", ransomware=True), cwes=("CWE-78", "CWE-79")
)


def test_kev_json() -> None:
    item = {
        "cveID": "CVE-2024-1000",
        "dateAdded": "2026-08-21",
        "dueDate": "2026-08-24",
        "knownRansomwareCampaignUse": "Known",
        "cwes": ["CWE-78", "CWE-79"],
    }
    content = {
        "catalogVersion": "1",
        "dateReleased": "2026-08-21T17:46:43Z",
        "vulnerabilities": [item, {"cveID": "CVE-2024-1001"}],
    }
    dated, one, damaged = decode("kev.json", content, "kev")
    assert dated == Dated("2026-08-21")
    assert one == KEV_FACT
    assert isinstance(damaged, Damaged)


def test_kev_csv() -> None:
    text = (
        "\ufeffcveID,vendorProject,dateAdded,shortDescription,dueDate,knownRansomwareCampaignUse,cwes\r\n"
        'CVE-2024-1000,"A, B",2026-08-21,"two\r\nlines",2026-08-24,Known,"CWE-78, CWE-79"\r\n'
        "CVE-2024-1001,A,,x,,Unknown,\r\n"
    )
    one, damaged, dated = decode("kev.csv", text.encode(), "kev")
    assert one == KEV_FACT
    assert isinstance(damaged, Damaged)
    assert dated == Dated("2026-08-21")


def test_epss() -> None:
    text = (
        "#model_version:v2025,score_date:2026-08-16T00:00:00+0000\ncve,epss,percentile\n"
        "CVE-1999-0001,0.03351,0.8765\nCVE-1999-0002,nan,0.5\nCVE-1999-0003,1.5,0.5\nGHSA-1,0.1,0.2\nCVE-1\n"
    )
    dated, one, *rest = decode("epss.csv", text.encode(), "epss")
    assert dated == Dated("2026-08-16")
    assert one == CveFacts(id="CVE-1999-0001", epss=0.03351, percentile=0.8765)
    assert [type(each) for each in rest] == [Damaged, Damaged, Left, Damaged]


def test_end_of_life_tables() -> None:
    text = b"version,codename,series,created,release,eol,eol-lts\n22.04 LTS,Jammy,jammy,2021-10-14,2022-04-21,2027-06-01\n,Sid,sid,1993-08-16\n"
    first, second = decode("ubuntu.csv", text, "eol")
    assert first == ReleaseDates("ubuntu", "22.04", "jammy", (("eol", "2027-06-01"),))
    assert second == ReleaseDates("ubuntu", "", "sid", ())


def test_end_of_life_cycles() -> None:
    cycles = [{"cycle": "3.20", "eol": "2026-04-01", "latest": "3.20.1"}, {"cycle": "3.99", "eol": False}]
    assert decode("alpine-linux.json", cycles, "eol") == [
        ReleaseDates("alpine", "3.20", "", (("eol", "2026-04-01"),)),
        ReleaseDates("alpine", "3.99", "", ()),
    ]


def test_cvss_table() -> None:
    text = (
        f"cve,source,vector,score,severity\nCVE-2024-1000,nvd@uct,{V31},9.8,CRITICAL\nCVE-2024-1000,adp:CISA-ADP@x,,,\n"
    )
    one, damaged = decode("v.csv", text.encode(), "cvss_vectors")
    assert one == CveFacts(id="CVE-2024-1000", scores=(Score("NVD", "CVSS_V3", V31, 9.8, CRITICAL),))
    assert isinstance(damaged, Damaged)


def test_debian_support() -> None:
    text = b"# comment\n\nadns  limited  Stub resolver\nckeditor3  non-supported   3.6-7\t2025-04-04\tno updates\nodd words\n"
    assert decode("lists/security-support.deb12", text, "debian_support") == [
        Support("Debian:12", "adns", "limited"),
        Support("Debian:12", "ckeditor3", "ended", "3.6-7", "2025-04-04"),
        Damaged("lists/security-support.deb12", "line 5 names no kind of support"),
    ]
    (one,) = decode(
        "security-support-ended.deb10", b"iceweasel 31.8.0esr-1 2018-05-31 https://example.test\n", "debian_support"
    )
    assert one == Support("Debian:10", "iceweasel", "ended", "31.8.0esr-1", "2018-05-31")


GOOD = {
    "main.json": TestSecdb().document(
        {"4.1-r0": ["CVE-2020-1000 XSA-3"], "0": ["CVE-2020-1001"]}, distroversion="v3.20"
    ),
    "security.json": TestSecdb().document({"1": ["CVE-2020-1000"]}, urlprefix="https://packages.wolfi.dev"),
    "tracker.json": {"a": {"CVE-2024-1000": {"releases": {"sid": {"status": "resolved", "fixed_version": "1"}}}}},
    "cve.json": TestCve().document(cna={"metrics": [{"cvssV3_1": {"vectorString": V31}}]}),
    "nvd.json": {"format": "NVD_CVE", "vulnerabilities": [{"cve": {"id": "CVE-2024-1000", "metrics": {}}}]},
    "kev.json": {"catalogVersion": "1", "vulnerabilities": [{"cveID": "CVE-2024-1000", "dateAdded": "2026-01-01"}]},
    "osv.json": {
        "id": "GHSA-1",
        "modified": "2024-01-01T00:00:00Z",
        "affected": [
            {
                "package": {"name": "p", "ecosystem": "npm"},
                "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "1"}]}],
            }
        ],
        "severity": [{"type": "CVSS_V3", "score": V31}],
    },
    "epss.csv": b"#model_version:v,score_date:2026-08-16T00:00:00+0000\ncve,epss,percentile\nCVE-1999-0001,0.03,0.87\n",
    "kev.csv": b"cveID,dateAdded,dueDate,cwes\nCVE-2024-1000,2026-01-01,2026-02-02,CWE-1\n",
    "debian.csv": b"version,codename,series,created,release,eol\n12,Bookworm,bookworm,2021-08-14,2023-06-10,2026-07-11\n",
    "vectors.csv": f"cve,source,vector,score,severity\nCVE-2024-1000,nvd,{V31},9.8,X\n".encode(),
    "security-support.deb12": b"adns limited words\nb non-supported 1 2025-01-01 words\n",
}


@pytest.mark.parametrize("name", sorted(GOOD))
def test_truncated_and_flipped_input_is_read_or_refused(name: str) -> None:
    """Every prefix, and every bit of every byte: records, `ParseError`, or not recognised; nothing else."""
    content = GOOD[name]
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    variants = [data[:end] for end in range(len(data))]
    variants += [
        data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :] for at in range(len(data)) for bit in (0, 3, 7)
    ]
    recognised = 0
    for variant in variants:
        document = Document(name, variant)
        member = recognise(document)
        if member is None:
            continue
        recognised += 1
        try:
            for one in member.decode(document, DEFAULT):
                assert isinstance(one, tuple | CveFacts)
        except ParseError as error:
            assert "\n" not in error.reason
    assert recognised > 0


@pytest.mark.parametrize("name", ["alpine", "wolfi", "debian", "debian_changelog", "cve5", "nvd2", "kev", "osv", "eol"])
def test_deep_json_is_refused(name: str) -> None:
    member = DECODERS.load()[name]
    for data in (b"[" * 200_000, b'{"a":' * 200_000, b'{"packages":' + b"[" * 200_000):
        try:
            found = list(member.decode(Document("deep.json", data), DEFAULT))
        except ParseError as error:
            assert error.reason
        else:
            assert all(isinstance(one, Damaged) for one in found)
            assert found
