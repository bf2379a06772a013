"""The gate: exceptions first, then the threshold, then what is not known."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from tests.unit.matching_memory import TODAY, package
from thwart.core.advisory import Exploited, Feed, Severity
from thwart.core.errors import UsageError
from thwart.core.finding import Diagnostic, Finding, Suppressed
from thwart.core.package import Location
from thwart.core.report import Asset, DatabaseInfo, Exception_, Policy, Report, Verdict
from thwart.gate import decide

ASSET = Asset(kind="image", name="registry.example.test/shop/cart:1.4", digest="sha256:abc")
OPENSSL = package("deb/libssl3@3.0.11-1", source="openssl")
GAP = Diagnostic(slug="layer", message="layer 3 could not be read")


def finding(name: str = "CVE-2024-1000", severity: Severity = Severity.HIGH, **more: Any) -> Finding:
    return Finding(id=name, message="", severity=severity, package=more.pop("package", OPENSSL), **more)


def report(*findings: Finding, **more: Any) -> Report:
    more.setdefault("packages", (OPENSSL,))
    return Report(asset=ASSET, tool_version="1", created="2026-11-23T00:00:00Z", findings=findings, **more)


def judge(judged: Report, **policy: Any) -> Verdict:
    return decide(judged, Policy(**policy), TODAY)[1]


def exception(name: str = "CVE-2024-1000", **more: Any) -> Exception_:
    stated = {"reason": "not reachable", "owner": "shop", "expires": "2027-11-23", **more}
    return Exception_(id=name, **stated)


@pytest.mark.parametrize("fail_on", ["none", "negligible", "low", "medium", "high", "critical"])
@pytest.mark.parametrize("severity", [one for one in Severity if one is not Severity.UNKNOWN])
def test_a_finding_at_or_above_the_threshold_denies(fail_on: str, severity: Severity) -> None:
    words = ["negligible", "low", "medium", "high", "critical"]
    denied = fail_on != "none" and words.index(severity.word) >= words.index(fail_on)
    verdict = judge(report(finding(severity=severity)), fail_on=fail_on)
    assert (verdict.decision, verdict.exit_code) == (("deny", 1) if denied else ("warn", 0))
    assert verdict.reasons


def test_nothing_found_is_allowed_and_says_in_what() -> None:
    verdict = judge(report())
    assert verdict == Verdict(decision="allow", reasons=("no finding in 1 package",), exit_code=0)


def test_nothing_judged_is_not_simply_allowed() -> None:
    verdict = judge(report(packages=()))
    assert (verdict.decision, verdict.exit_code) == ("warn", 0)
    assert "nothing to judge" in verdict.reasons[0]


def test_a_severity_that_nobody_knows_is_never_green() -> None:
    unrated = report(finding(severity=Severity.UNKNOWN))
    verdict = judge(unrated)
    assert (verdict.decision, verdict.exit_code) == ("unknown", 3)
    assert verdict.reasons[0].endswith("of 1 finding, which may be as high as any: CVE-2024-1000 in libssl3")
    assert judge(unrated, on_incomplete="warn").decision == "warn"
    assert judge(unrated, fail_on="none").decision == "warn"


def test_a_crowd_that_nobody_rated_is_one_sentence_with_the_end_of_the_scores() -> None:
    crowd = [finding(f"CVE-2026-{n % 40 + 1000}", Severity.UNKNOWN, package=package(f"npm/p{n}@1")) for n in range(60)]
    feeds = tuple(
        Feed(name=name, licence="", attribution="", date=day, records=1)
        for name, day in (("CVE", "2024-10-20"), ("CVSS vectors", "2024-10-24"), ("Debian", "2026-11-20"))
    )
    database = DatabaseInfo(built="2026-11-21", origin="embedded", age_days=2, schema=1, feeds=feeds)
    told = (
        "nobody has rated the severity of 60 findings of 40 defects, which may be as high as any;"
        " the CVE scores in the database end on 2024-10-24"
    )
    assert judge(report(*crowd, database=database)).reasons == (told,)
    denied = judge(report(finding(), *crowd, database=database))
    assert (denied.decision, len(denied.reasons), denied.doubts) == ("deny", 1, (told,))
    assert judge(report(*crowd)).reasons[0].endswith("as high as any")


def test_what_did_not_decide_is_a_note() -> None:
    verdict = judge(report(finding(), finding("CVE-2024-2000", Severity.LOW)))
    assert verdict.reasons == ("1 finding is high or above: CVE-2024-1000 in libssl3",)
    assert verdict.notes == ("1 other finding did not count: not high or above",)
    unknown = judge(report(finding("CVE-2024-2000", Severity.LOW), diagnostics=(GAP,)))
    assert (unknown.decision, unknown.doubts) == ("unknown", ())
    assert unknown.notes == ("1 finding did not count: not high or above",)
    warned = judge(report(finding("CVE-2024-2000", Severity.LOW)))
    assert (warned.decision, warned.notes) == ("warn", ())
    assert warned.reasons == ("1 finding did not count: not high or above",)


# -- known exploitation ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("severity", [Severity.UNKNOWN, Severity.NEGLIGIBLE, Severity.LOW, Severity.MEDIUM])
def test_what_is_exploited_counts_as_high(severity: Severity) -> None:
    exploited = finding(severity=severity, kev=Exploited(added="2023-05-01"))
    verdict = judge(report(exploited))
    assert (verdict.decision, verdict.exit_code, verdict.doubts) == ("deny", 1, ())
    assert verdict.reasons[1] == "it counts as high only because CISA knows of attacks: CVE-2024-1000 in libssl3"
    both = judge(report(exploited, finding("CVE-2024-2000")))
    assert both.reasons[0].startswith("2 findings are high or above: ")
    assert both.reasons[1].startswith("1 of them counts as high only because CISA knows of attacks: CVE-2024-1000 ")


def test_what_is_exploited_and_rated_high_needs_no_word_more() -> None:
    assert len(judge(report(finding(kev=Exploited(added="2023-05-01")))).reasons) == 1


def test_what_is_exploited_is_not_raised_to_critical() -> None:
    exploited = finding(severity=Severity.LOW, kev=Exploited(added="2023-05-01"))
    assert judge(report(exploited), fail_on="critical").decision == "warn"
    assert judge(report(replace(exploited, severity=Severity.UNKNOWN)), fail_on="critical").decision == "unknown"
    assert judge(report(exploited), fail_on="none").decision == "warn"
    assert judge(report(replace(exploited, kind="notice"))).decision == "allow"
    assert judge(report(replace(exploited, state="unfixed")), only_fixed=True).decision == "warn"


def test_an_exception_also_covers_what_is_exploited() -> None:
    exploited = finding(severity=Severity.LOW, kev=Exploited(added="2023-05-01"))
    assert _accepted(exception(), exploited)[1].decision == "allow"


def test_examples_are_the_most_urgent_each_once() -> None:
    several = [finding(package=package(f"deb/lib{n}@1"), priority=40.0) for n in range(3)]
    others = [finding(f"CVE-2024-{n}000", priority=10.0 * n) for n in range(2, 7)]
    (told,) = judge(report(*several, *others)).reasons
    assert told == (
        "8 findings of 6 defects are high or above: CVE-2024-6000 in libssl3, CVE-2024-5000 in libssl3,"
        " CVE-2024-1000 in 3 packages and 3 more"
    )


def test_an_incomplete_report_is_unknown_unless_the_policy_says_warn() -> None:
    incomplete = report(diagnostics=(GAP,))
    assert judge(incomplete) == Verdict(
        decision="unknown", reasons=("the report is incomplete: layer 3 could not be read",), exit_code=3
    )
    assert judge(incomplete, fail_on="none").exit_code == 3
    verdict = judge(incomplete, on_incomplete="warn")
    assert (verdict.decision, verdict.exit_code) == ("warn", 0)


def test_deny_wins_over_incomplete_and_both_are_said() -> None:
    verdict = judge(report(finding(), diagnostics=(GAP,)))
    assert (verdict.decision, verdict.exit_code) == ("deny", 1)
    assert verdict.reasons[0].startswith("1 finding is high or above: CVE-2024-1000 in libssl3")
    assert len(verdict.reasons) == 1
    assert verdict.doubts == ("the report is incomplete: layer 3 could not be read",)


def test_only_fixed_counts_what_an_upgrade_closes() -> None:
    unfixed = report(finding(state="unfixed"), finding("CVE-2024-2000", Severity.UNKNOWN, state="will-not-fix"))
    assert judge(unfixed).decision == "deny"
    assert judge(unfixed, only_fixed=True).decision == "warn"
    assert judge(report(finding(state="fixed-pro")), only_fixed=True).decision == "warn"
    assert judge(report(finding(state="fixed")), only_fixed=True).decision == "deny"


def test_notices_never_deny() -> None:
    assert judge(report(finding(severity=Severity.CRITICAL, kind="notice")), fail_on="negligible").decision == "allow"


@pytest.mark.parametrize(
    "policy", [{"fail_on": "hihg"}, {"fail_on": "unknown"}, {"fail_on": ""}, {"on_incomplete": "maybe"}]
)
def test_words_without_meaning_are_refused(policy: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        judge(report(), **policy)


# -- exceptions --------------------------------------------------------------------------------------------------------


def _accepted(one: Exception_, given: Finding | None = None, on: date = TODAY) -> tuple[Report, Verdict]:
    return decide(report(given or finding()), Policy(exceptions=(one,)), on)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"name": "cve-2024-1000"},
        {"name": "GHSA-AAAA-bbbb-cccc"},
        {"name": "DSA-1-1"},
        {"asset": "registry.example.test/shop/*"},
        {"asset": "sha256:abc"},
        {"package": "libssl*"},
        {"package": "openssl"},
        {"package": "pkg:deb/libssl3@3.0.*"},
        {"path": "/var/lib/*"},
        {"path": "var/lib/dpkg/status"},
        {"asset": "*cart*", "package": "libssl3", "path": "var/*"},
    ],
)
def test_an_exception_moves_the_finding_and_says_who_and_why(more: dict[str, str]) -> None:
    given = finding(
        aliases=("GHSA-aaaa-bbbb-cccc",), advisories=("DSA-1-1",), locations=(Location(path="var/lib/dpkg/status"),)
    )
    judged, verdict = _accepted(exception(**more), given)
    assert judged.findings == ()
    assert judged.suppressed == (
        Suppressed(finding=given, by="exception", reason="not reachable", owner="shop", expires="2027-11-23"),
    )
    assert judged.diagnostics == ()
    assert verdict == Verdict(decision="allow", reasons=("no finding in 1 package, 1 set aside",), exit_code=0)


@pytest.mark.parametrize(
    "more",
    [
        {"name": "CVE-2024-100"},
        {"name": "*"},
        {"asset": "registry.example.test/other/*"},
        {"package": "libssl"},
        {"path": "opt/*"},
        {"asset": "*", "package": "curl"},
    ],
)
def test_an_exception_that_fits_nothing_says_so(more: dict[str, str]) -> None:
    judged, verdict = _accepted(exception(**more), finding(locations=(Location(path="var/lib/dpkg/status"),)))
    assert verdict.decision == "deny"
    assert [(one.slug, one.incomplete) for one in judged.diagnostics] == [("unused-exception", False)]


def test_a_path_must_cover_every_place_of_the_finding() -> None:
    two = finding(locations=(Location(path="app/test/a.jar"), Location(path="app/lib/a.jar")))
    assert _accepted(exception(path="app/test/*"), two)[1].decision == "deny"
    assert _accepted(exception(path="app/*"), two)[1].decision == "allow"
    assert _accepted(exception(path="*"), finding(locations=()))[1].decision == "deny"


def test_an_expired_exception_is_active_again() -> None:
    one = exception(expires="2026-11-22")
    judged, verdict = _accepted(one)
    assert (verdict.decision, verdict.exit_code) == ("deny", 1)
    assert verdict.notes == ("1 exception has expired and no longer counts",)
    assert [(d.slug, d.incomplete) for d in judged.diagnostics] == [("expired-exception", False)]
    assert "1 finding counts again" in judged.diagnostics[0].message


@pytest.mark.parametrize(("days", "slug"), [(0, "expiring-exception"), (7, "expiring-exception"), (8, "")])
def test_the_last_week_is_announced(days: int, slug: str) -> None:
    judged, verdict = _accepted(exception(expires=(TODAY + timedelta(days=days)).isoformat()))
    assert verdict.decision == "allow"
    assert [one.slug for one in judged.diagnostics] == ([slug] if slug else [])


@pytest.mark.parametrize(
    "more", [{"reason": " "}, {"owner": ""}, {"expires": ""}, {"expires": "next year"}, {"name": ""}]
)
def test_an_exception_that_lacks_something_does_not_count(more: dict[str, str]) -> None:
    judged, verdict = _accepted(exception(**more))
    assert verdict.decision == "deny"
    assert [one.slug for one in judged.diagnostics] == ["invalid-exception"]


def test_the_first_fitting_exception_speaks_and_the_second_is_not_unused() -> None:
    both = (exception(reason="first"), exception(reason="second"))
    judged, _ = decide(report(finding()), Policy(exceptions=both), TODAY)
    assert [aside.reason for aside in judged.suppressed] == ["first"]
    assert judged.diagnostics == ()


def test_earlier_suppressions_stay_and_nothing_else_changes() -> None:
    earlier = Suppressed(finding=finding("CVE-2020-1"), by="distribution", reason="installed by deb x")
    before = report(finding(), finding("CVE-2024-2000", Severity.LOW), suppressed=(earlier,))
    after, _ = decide(before, Policy(exceptions=(exception(),)), TODAY)
    assert after.suppressed[0] == earlier
    assert len(after.findings) + len(after.suppressed) == len(before.findings) + len(before.suppressed)
    assert replace(after, findings=before.findings, suppressed=before.suppressed) == before
