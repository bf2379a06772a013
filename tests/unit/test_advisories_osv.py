"""OSV records: every trap of the format and of its databases, on small documents written for it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from thwart.advisories.feeds import Damaged, Document, Entry, Left, Withdrawn, recognise
from thwart.advisories.feeds._events import natural_key, ranges_of
from thwart.advisories.feeds._homes import home, summary_stream, ubuntu
from thwart.advisories.feeds._osv_model import Event
from thwart.advisories.feeds.osv import osv
from thwart.core.advisory import Affected, Range, Score, Severity
from thwart.core.limits import DEFAULT


def records(**fields: Any) -> list[Any]:
    record = {"id": "GHSA-aaaa-bbbb-cccc", "modified": "2024-05-06T07:08:09Z", **fields}
    document = Document("x.json", json.dumps(record).encode())
    decoder = recognise(document)
    assert decoder is not None
    assert decoder.name == "osv"
    return list(osv(document, DEFAULT))


def entry(**fields: Any) -> Entry:
    found = [one for one in records(**fields) if isinstance(one, Entry)]
    assert len(found) == 1
    return found[0]


def package(name: str = "p", ecosystem: str = "PyPI", **fields: Any) -> dict[str, Any]:
    return {"package": {"name": name, "ecosystem": ecosystem}, **fields}


def events(*pairs: tuple[str, str], kind: str = "ECOSYSTEM") -> dict[str, Any]:
    return {"type": kind, "events": [{key: value} for key, value in pairs]}


def statement(one: dict[str, Any], **fields: Any) -> Affected:
    (found,) = entry(affected=[one], **fields).affected
    return found


class TestEvents:
    def ranges(self, *pairs: tuple[str, str]) -> tuple[Range, ...]:
        return ranges_of([Event(**{key: value}) for key, value in pairs])[0]

    def test_fixed_is_exclusive_and_last_affected_is_not(self) -> None:
        assert self.ranges(("introduced", "1"), ("fixed", "2")) == (Range("1", fixed="2"),)
        assert self.ranges(("introduced", "0"), ("last_affected", "2")) == (Range("0", last="2"),)

    def test_several_introductions_and_fixes(self) -> None:
        pairs = (("introduced", "0"), ("fixed", "1.5"), ("introduced", "2"), ("fixed", "2.1"), ("introduced", "3"))
        assert self.ranges(*pairs) == (Range("0", "1.5"), Range("2", "2.1"), Range("3"))

    def test_order_in_the_record_does_not_matter(self) -> None:
        pairs = (("fixed", "10.1"), ("fixed", "9.5"), ("introduced", "10.0"), ("introduced", "9.0"))
        assert self.ranges(*pairs) == (Range("9.0", "9.5"), Range("10.0", "10.1"))

    def test_an_open_introduction_listed_last_but_lowest_is_closed(self) -> None:
        assert self.ranges(("introduced", "2"), ("fixed", "3"), ("introduced", "0")) == (Range("0", "3"),)

    def test_a_second_end_changes_nothing(self) -> None:
        assert self.ranges(("introduced", "0"), ("fixed", "1"), ("fixed", "2")) == (Range("0", "1"),)

    def test_no_introduction_is_read_as_from_the_beginning(self) -> None:
        assert self.ranges(("fixed", "2")) == (Range("0", "2"),)

    def test_limit_bounds_git_only(self) -> None:
        assert self.ranges(("introduced", "1"), ("limit", "2")) == (Range("1"),)

    def test_no_events(self) -> None:
        assert self.ranges() == ()

    @pytest.mark.parametrize(
        ("low", "high"),
        [
            ("1.9", "1.10"),
            ("1.0-rc.1", "1.0"),
            ("1.0", "1.0.1"),
            ("1:0.1", "2:0"),
            ("9.9", "1:0"),
            ("2.0a1", "2.0"),
            ("1" * 5000, "2" * 5000),
        ],
    )
    def test_natural_order(self, low: str, high: str) -> None:
        assert natural_key(low) < natural_key(high)


class TestRanges:
    def test_blocks_of_one_package_are_a_union(self) -> None:
        one = entry(
            affected=[
                package(ranges=[events(("introduced", "0"), ("fixed", "1"))]),
                package(ranges=[events(("introduced", "2"), ("fixed", "3"))]),
            ]
        )
        assert [each.ranges for each in one.affected] == [(Range("0", "1"),), (Range("2", "3"),)]

    def test_git_ranges_are_left_out_and_counted(self) -> None:
        git = events(("introduced", "0"), ("fixed", "abc"), kind="GIT")
        found = records(affected=[package(ranges=[git, events(("introduced", "0"), ("fixed", "1"))])])
        assert found[0].affected[0].ranges == (Range("0", "1"),)
        assert found[1:] == [Left("git-ranges", 1)]

    def test_only_git_is_no_statement(self) -> None:
        git = events(("introduced", "0"), kind="GIT")
        found = records(affected=[package(ranges=[git]), {"ranges": [git]}])
        assert found[0].affected == ()
        assert found[1:] == [Left("git-only", 2)]

    def test_versions_are_dropped_where_ranges_imply_them(self) -> None:
        ranges = [events(("introduced", "0"), ("fixed", "2"))]
        assert statement(package(ranges=ranges, versions=["1", "1.1"])).versions == ()

    def test_versions_alone_are_kept(self) -> None:
        one = statement(package(versions=["1", "1.1"]))
        assert (one.ranges, one.versions) == ((), ("1", "1.1"))

    def test_versions_are_kept_with_git_ranges_only(self) -> None:
        git = events(("introduced", "0"), kind="GIT")
        assert statement(package(ranges=[git], versions=["1"])).versions == ("1",)

    def test_versions_are_kept_where_events_do_not_take_turns(self) -> None:
        ranges = [events(("introduced", "0"), ("last_affected", "2.5"), ("last_affected", "2.5.1"))]
        one = statement(package(ranges=ranges, versions=["2.5", "2.5.1"]))
        assert one.versions == ("2.5", "2.5.1")
        assert one.ranges == (Range("0", last="2.5"),)

    def test_neither_ranges_nor_versions_is_not_all_versions(self) -> None:
        found = records(affected=[package(), package(ranges=[{"type": "ECOSYSTEM", "events": []}])])
        assert found[0].affected == ()
        assert found[1:] == [Left("no-range", 2)]

    def test_nulls(self) -> None:
        one = entry(affected=[package(ranges=None, versions=["1"], severity=None)], aliases=None, severity=None)
        assert one.affected[0].versions == ("1",)

    @pytest.mark.parametrize(
        ("known", "wanted"),
        [("<= 2.0", Range("0", last="2.0")), ("< 2.1", Range("0", fixed="2.1")), ("odd", Range("0"))],
    )
    def test_githubs_end_without_a_fix(self, known: str, wanted: Range) -> None:
        one = package(
            ranges=[events(("introduced", "0"))], database_specific={"last_known_affected_version_range": known}
        )
        assert statement(one).ranges == (wanted,)


class TestStates:
    def test_withdrawn_is_named_only(self) -> None:
        found = records(withdrawn="2024-01-01T00:00:00Z", affected=[package(versions=["1"])])
        assert found == [Withdrawn("GHSA-aaaa-bbbb-cccc", "2024-05-06T07:08:09Z", "GitHub")]

    def test_fix_in_version_zero_is_never_affected(self) -> None:
        one = statement(package("musl", "Chainguard", ranges=[events(("introduced", "0"), ("fixed", "0"))]))
        assert (one.status, one.ranges) == ("not-affected", ())

    @pytest.mark.parametrize(
        ("word", "status"),
        [
            ("released", ""),
            ("needed", ""),
            ("needs-triage", "needs-triage"),
            ("ignored", "ignored"),
            ("deferred", "deferred"),
            ("pending", "pending"),
        ],
    )
    def test_ubuntu_status(self, word: str, status: str) -> None:
        one = package(
            "a", "Ubuntu:22.04:LTS", ranges=[events(("introduced", "0"))], ecosystem_specific={"status": word}
        )
        assert statement(one, id="UBUNTU-CVE-2024-1000").status == status

    def test_debian_without_a_fix_is_unfixed(self) -> None:
        one = statement(package("a", "Debian:12", ranges=[events(("introduced", "0"))]), id="DEBIAN-CVE-2024-1000")
        assert (one.status, one.ranges) == ("", (Range("0"),))

    @pytest.mark.parametrize(
        ("urgency", "status", "severity"),
        [
            ("unimportant", "unimportant", ""),
            ("low", "", "low"),
            ("not yet assigned", "", ""),
            ("end-of-life", "end-of-life", ""),
        ],
    )
    def test_debian_urgency(self, urgency: str, status: str, severity: str) -> None:
        one = package("a", "Debian:11", ranges=[events(("introduced", "0"))], ecosystem_specific={"urgency": urgency})
        found = statement(one, id="CVE-2024-1013")
        assert (found.status, found.severity) == (status, severity)

    @pytest.mark.parametrize(
        ("event", "status"),
        [
            ("fixed", ""),
            ("detection", "needs-triage"),
            ("fix-not-planned", "will-not-fix"),
            ("pending-upstream-fix",) * 2,
        ],
    )
    def test_wolfi_event(self, event: str, status: str) -> None:
        one = package("a", "Wolfi", ranges=[events(("introduced", "0"))], ecosystem_specific={"latest_event": event})
        assert statement(one, id="CGA-x").status == status


class TestChannels:
    @pytest.mark.parametrize(
        ("ecosystem", "release", "channel"),
        [
            ("Ubuntu:Pro:18.04:LTS", "Ubuntu:18.04:LTS", "pro"),
            ("Ubuntu:22.04:LTS", "Ubuntu:22.04:LTS", ""),
            ("Ubuntu:25.10", "Ubuntu:25.10", ""),
            ("Ubuntu:Pro:FIPS-updates:20.04:LTS", "Ubuntu:20.04:LTS", "pro-fips-updates"),
            ("Ubuntu:Pro:22.04:LTS:Realtime:Kernel", "Ubuntu:22.04:LTS", "pro-realtime-kernel"),
            ("Ubuntu:22.04:LTS:for:NVIDIA:BlueField", "Ubuntu:22.04:LTS", "for-nvidia-bluefield"),
            ("Ubuntu", "Ubuntu", ""),
        ],
    )
    def test_ubuntu(self, ecosystem: str, release: str, channel: str) -> None:
        assert ubuntu(ecosystem) == (release, channel)
        one = statement(package("a", ecosystem, ranges=[events(("introduced", "0"))]), id="UBUNTU-CVE-2024-1000")
        assert (one.ecosystem, one.channel) == (release, channel)

    @pytest.mark.parametrize(
        ("summary", "stream"),
        [
            ("Important: nodejs:20 security update", "nodejs:20"),
            ("Red Hat Security Advisory: python39:3.9 security update", "python39:3.9"),
            ("Moderate: container-tools:rhel8 security, bug fix, and enhancement update", "container-tools:rhel8"),
            ("Moderate: virt:rhel and virt-devel:rhel security update", ""),
            ("Important: firefox security update", ""),
        ],
    )
    def test_module_stream_from_the_summary(self, summary: str, stream: str) -> None:
        assert summary_stream(summary) == stream

    def test_stream_only_on_modular_builds(self) -> None:
        one = entry(
            id="ALSA-2026:2783",
            summary="Important: nodejs:20 security update",
            affected=[
                package(
                    "nodejs", "AlmaLinux:9", ranges=[events(("introduced", "0"), ("fixed", "1:20-1.module_el9.7.0+2"))]
                ),
                package("other", "AlmaLinux:9", ranges=[events(("introduced", "0"), ("fixed", "1-1.el9"))]),
            ],
        )
        assert [each.channel for each in one.affected] == ["nodejs:20", ""]

    def test_purl_qualifiers_restrict(self) -> None:
        one = package("openssl", "Chainguard", ranges=[events(("introduced", "0"), ("fixed", "3.2.1-r5"))])
        one["package"]["purl"] = "pkg:apk/chainguard/openssl?arch=aarch64"
        assert statement(one, id="CGA-x").arches == ("aarch64",)
        one["package"]["purl"] = "pkg:deb/debian/openssl?arch=source"
        assert statement(one, id="DSA-1-1").arches == ()
        one["package"]["purl"] = "pkg:rpm/rocky-linux/kernel?distro=rocky-linux-8-sig-cloud&epoch=0"
        assert statement(one, id="RXSA-2023:0101").channel == "sig-cloud"


class TestGo:
    def test_custom_ranges_are_a_hint_not_all_versions(self) -> None:
        custom = [events(("introduced", "0"), ("fixed", "1.9.0"))]
        one = package(
            "k8s.io/ingress-nginx",
            "Go",
            ranges=[events(("introduced", "0"), kind="SEMVER")],
            ecosystem_specific={"custom_ranges": custom},
        )
        found = statement(one, id="GO-2023-1", database_specific={"review_status": "UNREVIEWED"})
        assert (found.status, found.ranges) == ("undetermined", (Range("0", "1.9.0"),))

    def test_custom_ranges_beside_real_ones_do_not_count(self) -> None:
        one = package(
            "m",
            "Go",
            ranges=[events(("introduced", "0"), ("fixed", "1.2.3"), kind="SEMVER")],
            ecosystem_specific={"custom_ranges": [events(("introduced", "0"), ("fixed", "9"))]},
        )
        assert statement(one, id="GO-2023-1").ranges == (Range("0", "1.2.3"),)

    def test_review_status(self) -> None:
        assert not entry(id="GO-2023-1", database_specific={"review_status": "UNREVIEWED"}).advisory.reviewed
        assert entry(id="GO-2023-1", database_specific={"review_status": "REVIEWED"}).advisory.reviewed
        assert entry().advisory.reviewed

    def test_symbols_and_systems(self) -> None:
        imports = [
            {"path": "os/exec", "symbols": ["Cmd.Run", "LookPath"], "goos": ["windows"]},
            {"path": "os", "goos": ["windows"]},
        ]
        one = package("stdlib", "Go", ranges=[events(("introduced", "0"), ("fixed", "1.2.3"), kind="SEMVER")])
        one["ecosystem_specific"] = {"imports": imports}
        found = statement(one, id="GO-2023-1")
        assert found.symbols == ("os/exec.Cmd.Run", "os/exec.LookPath", "os.*")
        assert found.systems == ("windows",)
        imports.append({"path": "net", "goos": []})
        assert statement(one, id="GO-2023-1").systems == ()


class TestIds:
    @pytest.mark.parametrize("key", ["aliases", "upstream", "related"])
    def test_a_distributions_record_is_about_its_cves(self, key: str) -> None:
        one = entry(id="ALSA-2024:1", **{key: ["CVE-2024-1000", "CVE-2024-1001"]}).advisory
        assert one.upstream == ("CVE-2024-1000", "CVE-2024-1001")
        assert (one.aliases, one.related) == ((), ())

    def test_from_references_when_nothing_else_names_them(self) -> None:
        references = [{"type": "WEB", "url": "https://example.test/CVE-2024-1000"}]
        assert entry(id="RHSA-2024:1", references=references).advisory.upstream == ("CVE-2024-1000",)
        one = entry(id="RHSA-2024:1", references=references, related=["CVE-2020-1111"])
        assert one.advisory.upstream == ("CVE-2020-1111",)

    def test_a_distributions_id_for_a_cve_stands_for_it(self) -> None:
        assert entry(id="USN-5614-1", upstream=["UBUNTU-CVE-2021-3782"]).advisory.upstream == ("CVE-2021-3782",)
        assert entry(id="ALPINE-CVE-2021-3782").advisory.upstream == ("CVE-2021-3782",)
        both = ["CVE-2022-1292", "DEBIAN-CVE-2022-1292"]
        assert entry(id="DLA-3008-1", upstream=both).advisory.upstream == ("CVE-2022-1292",)

    def test_other_ids_beside_cves(self) -> None:
        one = entry(id="RHSA-2024:4546", related=["GO-2024-2687"], upstream=["CVE-2023-45288"]).advisory
        assert (one.upstream, one.related) == (("CVE-2023-45288",), ("GO-2024-2687",))
        one = entry(id="CGA-2c2h", related=["CGA-2c2h", "CVE-2024-34156", "GHSA-crqm-pwhx-j97f"]).advisory
        assert (one.upstream, one.related) == (("CVE-2024-34156", "GHSA-crqm-pwhx-j97f"), ())

    def test_a_language_databases_aliases_stay(self) -> None:
        one = entry(aliases=["CVE-2024-1000"], related=["CVE-2020-1111"]).advisory
        assert (one.aliases, one.upstream, one.related) == (("CVE-2024-1000",), (), ("CVE-2020-1111",))

    @pytest.mark.parametrize(
        ("name", "source"),
        [
            ("GHSA-1", "GitHub"),
            ("DSA-1-1", "Debian"),
            ("openSUSE-SU-1", "SUSE"),
            ("BIT-redis-CVE-2020-1", "Bitnami"),
            ("XY-1", "XY"),
        ],
    )
    def test_home(self, name: str, source: str) -> None:
        assert home(name) == source


class TestSeverity:
    V3 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
    V4 = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"
    V2 = "AV:N/AC:L/Au:N/C:C/I:C/A:C"

    def test_vectors_are_scored(self) -> None:
        several = [
            {"type": "CVSS_V3", "score": self.V3},
            {"type": "CVSS_V4", "score": self.V4},
            {"type": "CVSS_V2", "score": self.V2},
        ]
        scores = entry(severity=several).advisory.scores
        assert [(one.system, one.score, one.severity.word) for one in scores] == [
            ("CVSS_V3", 9.8, "critical"),
            ("CVSS_V4", 9.3, "critical"),
            ("CVSS_V2", 10.0, "high"),  # NVD's words for version 2 end with high
        ]

    @pytest.mark.parametrize(
        "text", ["CVSS:3.1/AV:N", "CVSS:3.1/AV:X/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "nonsense", "CVSS:9.0/A:B", ""]
    )
    def test_malformed_vectors_are_kept_as_unknown(self, text: str) -> None:
        assert entry(severity=[{"type": "CVSS_V3", "score": text}]).advisory.scores == (
            Score("GitHub", "CVSS_V3", text, -1.0, Severity.UNKNOWN),
        )

    def test_a_vector_decides_its_system(self) -> None:
        assert entry(severity=[{"type": "CVSS_V3", "score": self.V4}]).advisory.scores[0].system == "CVSS_V4"

    def test_vendors_words(self) -> None:
        assert entry(database_specific={"severity": "MODERATE"}).advisory.scores == (
            Score("GitHub", "word", "MODERATE", -1.0, Severity.MEDIUM),
        )
        alma = entry(id="ALSA-2024:1", summary="Moderate: x security update").advisory
        assert alma.scores == (Score("AlmaLinux", "word", "Moderate", -1.0, Severity.MEDIUM),)
        assert entry(
            id="UBUNTU-CVE-2024-1000", severity=[{"type": "Ubuntu", "score": "untriaged"}]
        ).advisory.scores == (Score("Ubuntu", "word", "untriaged", -1.0, Severity.UNKNOWN),)

    def test_equal_severities_of_all_packages_are_the_records(self) -> None:
        severity = [{"type": "CVSS_V3", "score": self.V3}]
        one = entry(
            affected=[package(versions=["1"], severity=severity), package("q", versions=["1"], severity=severity)]
        )
        assert [score.vector for score in one.advisory.scores] == [self.V3]
        assert {each.severity for each in one.affected} == {""}

    def test_different_severities_stay_with_their_package(self) -> None:
        severity = [{"type": "CVSS_V3", "score": self.V3}]
        one = entry(affected=[package(versions=["1"], severity=severity), package("q", versions=["1"])])
        assert one.advisory.scores == ()
        assert [each.severity for each in one.affected] == [self.V3, ""]

    def test_a_packages_own_word(self) -> None:
        one = [
            package(
                name, "Ubuntu:22.04:LTS", ranges=[events(("introduced", "0"))], ecosystem_specific={"priority": word}
            )
            for name, word in (("a", "low"), ("b", "medium"))
        ]
        found = entry(id="UBUNTU-CVE-2024-1000", severity=[{"type": "Ubuntu", "score": "medium"}], affected=one)
        assert [each.severity for each in found.affected] == ["low", ""]

    def test_numbers_without_vectors(self) -> None:
        one = entry(id="RUBYSEC-x", database_specific={"cvss": {"cvss_v2": 5.0, "cvss_v3": 99}})
        assert [(s.system, s.score) for s in one.advisory.scores] == [("CVSS_V2", 5.0), ("CVSS_V3", 10.0)]


def test_informational_crates() -> None:
    one = package("chrono", "crates.io", ranges=[events(("introduced", "0.0.0-0"), kind="SEMVER")])
    one["database_specific"] = {"informational": "unmaintained"}
    assert entry(id="RUSTSEC-2020-1", affected=[one]).advisory.informational == "unmaintained"
    one["ecosystem_specific"] = {"affects": {"os": ["windows"], "arch": ["x86"], "functions": ["a::b"]}}
    found = statement(one, id="RUSTSEC-2020-1")
    assert (found.systems, found.arches, found.symbols) == (("windows",), ("x86",), ("a::b",))


def test_dates_that_stand_for_none() -> None:
    one = entry(id="GO-2025-1", modified="0001-01-01T00:00:00Z", published="2025-01-02T03:04:05Z").advisory
    assert (one.modified, one.published) == ("", "2025-01-02")


@pytest.mark.parametrize(
    "data",
    [
        b'{"id": "X-1", "affected": [{"versions": [1]}]}',
        b'{"id": 5, "affected": []}',
        b'{"id": " ", "affected": []}',
        b'{"id": "X-1", "affected": ' + b"[" * 100_000,
        b'{"id": "X-1"',
        b'{"id": "\xff", "affected": []}',
        b"",
    ],
)
def test_what_cannot_be_read_is_damaged(data: bytes) -> None:
    (found,) = osv(Document("x.json", data), DEFAULT)
    assert isinstance(found, Damaged)
    assert "\n" not in found.reason
