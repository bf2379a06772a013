"""What an image or a report may say so that the gate looks away: none of it makes a clause green."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from tests.unit import report_fixtures as given
from tests.unit.test_gate_policy import finding, judged, report
from thwart.core.advisory import Severity
from thwart.core.report import Asset


@pytest.mark.parametrize("made", ["", "9999-12-31T00:00:00Z", "2026-13-45", "zzzz", "20260101", "２０２６-01-01"])
def test_an_image_s_odd_birthday_is_not_recent(made: str) -> None:
    verdict = judged("image-older-than-days = 90", report(asset=Asset(kind="image", name="web", created=made)))
    assert verdict.decision in ("unknown", "deny"), verdict


@pytest.mark.parametrize("published", ["", "soon", "9999-99-99"])
def test_an_advisory_without_a_date_is_not_recent(published: str) -> None:
    upgrade = finding(kind="vulnerability", state="fixed", published=published)
    assert judged("fix-older-than-days = 30", report(upgrade)).decision == "unknown"


def test_what_nobody_rated_may_be_critical() -> None:
    unrated = report(finding(severity=Severity.UNKNOWN))
    text = 'fail-on = "none"\nmax-findings = {{ {} }}'
    assert judged(text.format("critical = 0"), unrated).decision == "unknown"
    assert judged(text.format("critical = 1"), unrated).decision != "unknown"
    assert judged(text.format("critical = 0, unknown = 1"), unrated).decision != "unknown"


@pytest.mark.parametrize(
    ("licence", "clause", "fine"),
    [
        ("GPL-3.0 OR MIT", 'deny = ["GPL*"]', True),
        ("(GPL-3.0 AND (MIT OR Apache-2.0))", 'deny = ["GPL*"]', False),
        ("(MIT OR Apache-2.0) AND GPL-3.0", 'deny = ["GPL*"]', False),
        ("MIT AND BSD-3-Clause OR GPL-3.0", 'deny = ["GPL*"]', True),
        ("(GPL-3.0 OR MIT", 'deny = ["GPL*"]', False),
        ("GPL-3.0) OR (MIT", 'deny = ["GPL*"]', False),
        ("GPL-3.0 OR", 'deny = ["GPL*"]', False),
        ("OR GPL-3.0", 'deny = ["GPL*"]', False),
        ("GPL-3.0 OR ()", 'deny = ["GPL*"]', False),
        ("GPL-3.0 OR AND", 'deny = ["GPL*"]', False),
        ("AND", 'allow = ["MIT"]', False),
        ("()", 'allow = ["MIT"]', False),
        ("mit or GPL-2.0 WITH Classpath", 'allow = ["MIT"]', True),
        ("(" * 5000 + "GPL-3.0 OR MIT" + ")" * 5000, 'deny = ["GPL*"]', False),
        (" " * 200_000 + "x", 'deny = ["GPL*"]', True),
    ],
)
def test_licence_expressions(licence: str, clause: str, fine: bool) -> None:
    stated: dict[str, Any] = {"packages": (replace(given.CURL, licences=(licence,)),)}
    verdict = judged(f"licences = {{ {clause} }}", replace(report(), **stated))
    assert (verdict.decision != "deny") is fine, verdict
