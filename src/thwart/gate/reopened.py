"""A saved report as it was before the gate judged it, so that another policy or another day may judge it again."""

from __future__ import annotations

from msgspec.structs import replace

from thwart.core.report import Report

_DECIDED = frozenset({"exception", "vex", "baseline"})
_TOLD = frozenset({"invalid-exception", "expired-exception", "unused-exception", "expiring-exception", "vex-statement"})


def reopened(report: Report) -> Report:
    """The report with findings that exceptions, VEX documents or a baseline set aside, and without what the gate said of those.

    What a comment in a document or a vendor set aside stays there: it belongs to what was scanned.
    """
    again = [one.finding for one in report.suppressed if one.by in _DECIDED]
    return replace(
        report,
        findings=(*report.findings, *again),
        suppressed=tuple(one for one in report.suppressed if one.by not in _DECIDED),
        diagnostics=tuple(one for one in report.diagnostics if one.slug not in _TOLD),
    )
