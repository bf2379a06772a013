"""The gate: a report, what was asked for, the day, and one decision. Nothing else looks at severity to choose an exit code."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from thwart.core.advisory import Severity
from thwart.core.errors import UsageError
from thwart.core.report import Policy, Report, Verdict
from thwart.gate.exceptions import Exceptions

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from thwart.core.finding import Finding, Suppressed

ALLOW, WARN, UNKNOWN, DENY = "allow", "warn", "unknown", "deny"
_CLEAN, _DENIED, _INCOMPLETE = 0, 1, 3
_SHOWN = 3


def decide(report: Report, policy: Policy, today: date) -> tuple[Report, Verdict]:
    """Set accepted findings aside, then judge what is left.

    In this order: the policy's exceptions; then every finding at or above `fail_on` denies (with `only_fixed`, only
    those that an upgrade closes). Notices never deny. A finding whose severity nobody knows may be above the
    threshold, so it makes the answer `unknown`, as an incomplete report does: exit 3, or with
    `on_incomplete = "warn"` a warning. With `fail_on = "none"` findings only warn. A report without a package
    warns: nothing was judged.

    Returns:
        the report with accepted findings moved to `suppressed` and diagnostics on the exceptions, and the verdict.
        Exit code 1 for deny, else 3 for unknown, else 0.

    Raises:
        UsageError: the policy's words are not severities or actions.
    """
    threshold = _threshold(policy)
    exceptions = Exceptions(policy.exceptions, report.asset, today)
    kept: list[Finding] = []
    accepted: list[Suppressed] = []
    for finding in report.findings:
        aside = exceptions.accept(finding)
        if aside is None:
            kept.append(finding)
        else:
            accepted.append(aside)
    judged = replace(
        report,
        findings=tuple(kept),
        suppressed=(*report.suppressed, *accepted),
        diagnostics=(*report.diagnostics, *exceptions.diagnostics()),
    )
    return judged, _verdict(judged, policy, threshold)


def _threshold(policy: Policy) -> Severity | None:
    """The severity from which findings deny; None when none does."""
    if policy.on_incomplete not in ("fail", "warn"):
        raise UsageError(f"on-incomplete is {policy.on_incomplete!r}, which is neither fail nor warn")
    if policy.fail_on == "none":
        return None
    threshold = Severity.__members__.get(policy.fail_on.upper(), Severity.UNKNOWN)
    if threshold is Severity.UNKNOWN:
        raise UsageError(f"fail-on is {policy.fail_on!r}, which is not a severity")
    return threshold


def _verdict(report: Report, policy: Policy, threshold: Severity | None) -> Verdict:
    counted = [finding for finding in report.findings if finding.kind != "notice"]
    weighed = [finding for finding in counted if finding.state == "fixed"] if policy.only_fixed else counted
    above = [finding for finding in weighed if threshold is not None and finding.severity >= threshold]
    unrated = [finding for finding in weighed if threshold is not None and finding.severity is Severity.UNKNOWN]
    reasons = [
        *_denials(above, policy),
        *_unknowns(report, unrated),
        *_warnings(report, counted, above, unrated, policy),
    ]
    if above:
        return Verdict(decision=DENY, reasons=tuple(reasons), exit_code=_DENIED)
    if report.incomplete or unrated:
        strict = policy.on_incomplete == "fail"
        return Verdict(
            decision=UNKNOWN if strict else WARN, reasons=tuple(reasons), exit_code=_INCOMPLETE if strict else _CLEAN
        )
    return Verdict(decision=WARN if reasons else ALLOW, reasons=tuple(reasons) or _clean(report), exit_code=_CLEAN)


def _denials(above: Sequence[Finding], policy: Policy) -> Iterable[str]:
    if above:
        fixable = " with a fix" if policy.only_fixed else ""
        yield f"{_count(above)}{fixable} {_are(above)} {_at_least(policy.fail_on)}: {_examples(above)}"


def _unknowns(report: Report, unrated: Sequence[Finding]) -> Iterable[str]:
    gaps = [diagnostic for diagnostic in report.diagnostics if diagnostic.incomplete]
    for diagnostic in gaps[:_SHOWN]:
        yield f"the report is incomplete: {diagnostic.message}"
    if len(gaps) > _SHOWN:
        yield f"the report is incomplete for {len(gaps) - _SHOWN} more reasons"
    if unrated:
        yield f"nobody has rated the severity of {_count(unrated)}, which may be as high as any: {_examples(unrated)}"


def _warnings(
    report: Report, counted: Sequence[Finding], above: Sequence[Finding], unrated: Sequence[Finding], policy: Policy
) -> Iterable[str]:
    below = len(counted) - len(above) - len(unrated)
    if below:
        why = "fail-on is none" if policy.fail_on == "none" else f"not {_at_least(policy.fail_on)}"
        if policy.only_fixed:
            why += " or without a fix"
        yield f"{below} {'other ' if above or unrated else ''}finding{'s' if below != 1 else ''} did not count: {why}"
    expired = sum(diagnostic.slug == "expired-exception" for diagnostic in report.diagnostics)
    if expired:
        yield f"{expired} exception{'s have' if expired != 1 else ' has'} expired and no longer count{'' if expired != 1 else 's'}"
    if not report.packages:
        yield "no package was found, so there was nothing to judge"


def _clean(report: Report) -> tuple[str, ...]:
    aside = f", {len(report.suppressed)} set aside" if report.suppressed else ""
    return (f"no finding in {len(report.packages)} package{'s' if len(report.packages) != 1 else ''}{aside}",)


def _at_least(word: str) -> str:
    return "critical" if word == "critical" else f"{word} or above"


def _count(findings: Sequence[Finding]) -> str:
    return f"{len(findings)} finding{'s' if len(findings) != 1 else ''}"


def _are(findings: Sequence[Finding]) -> str:
    return "are" if len(findings) != 1 else "is"


def _examples(findings: Sequence[Finding]) -> str:
    """The first few by priority, as `CVE-2024-1 in openssl`, each once."""
    ordered = sorted(findings, key=lambda finding: (-finding.severity, -finding.priority, finding.id))
    names = list(dict.fromkeys(f"{f.id} in {f.package.full_name}" if f.package else f.id for f in ordered))
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
