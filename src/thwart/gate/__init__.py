"""The gate: a report, what was asked for, the day, and one decision. Nothing else looks at severity to choose an exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from thwart.core.advisory import Severity
from thwart.core.errors import UsageError
from thwart.core.report import Policy, Report, Verdict
from thwart.gate.baseline import Baseline
from thwart.gate.comments import Comments
from thwart.gate.exceptions import Exceptions
from thwart.gate.objections import Objections
from thwart.gate.vex import Vex

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from thwart.core.finding import Finding, Suppressed

ALLOW, WARN, UNKNOWN, DENY = "allow", "warn", "unknown", "deny"
_CLEAN, _DENIED, _INCOMPLETE = 0, 1, 3
_SHOWN = 3
_SCORES = frozenset({"CVE", "CVSS vectors", "NVD"})  # feeds of CVE scores


def decide(report: Report, policy: Policy, today: date) -> tuple[Report, Verdict]:
    """Set accepted findings aside, then judge what is left.

    In this order: comments in the document itself (`# thwart: ignore[ID] reason`); the policy's exceptions; its VEX
    documents; its baseline; then every finding at or above `fail_on` denies (with `only_fixed`, only those that an upgrade closes), and so does
    every clause of the policy that is not met. What CISA knows to be exploited counts as `high` at least. Notices never
    deny. A finding whose severity nobody knows may be above the threshold, so it makes the answer `unknown`, as an
    incomplete report does: exit 3, or with `on_incomplete = "warn"` a warning. With `fail_on = "none"` findings only warn.
    A report without a package warns: nothing was judged. A policy whose `mode` is `warn` or `dry-run` denies nothing.

    Returns:
        the report with accepted findings moved to `suppressed` and diagnostics on the exceptions, and the verdict.
        Exit code 1 for deny, else 3 for unknown, else 0.

    Raises:
        UsageError: the policy's words are not severities or actions.
    """
    threshold = _threshold(policy)
    comments = Comments(report.ignores)
    exceptions = Exceptions(policy.exceptions, report.asset, today)
    vex = Vex(policy.vex, report)
    baseline = Baseline(policy.baseline or (), report.asset)
    order = (comments, exceptions, vex, baseline)
    kept: list[Finding] = []
    accepted: list[Suppressed] = []
    for finding in report.findings:
        aside = next((found for one in order if (found := one.accept(finding)) is not None), None)
        if aside is None:
            kept.append(finding)
        else:
            accepted.append(aside)
    judged = replace(
        report,
        findings=tuple(kept),
        suppressed=(*report.suppressed, *accepted),
        diagnostics=(*report.diagnostics, *(told for one in order for told in one.diagnostics())),
    )
    objections = Objections(judged, policy, today)
    verdict = _verdict(judged, policy, threshold, objections)
    return judged, verdict if policy.mode == "enforce" else _softened(verdict, policy.mode)


def _softened(verdict: Verdict, mode: str) -> Verdict:
    """The verdict of a policy that is only tried: what it would have stopped is told, and nothing is stopped."""
    if verdict.exit_code == _CLEAN:
        return verdict
    notes = (f"the policy's mode is {mode}: this would have been {verdict.decision}", *verdict.notes)
    return Verdict(decision=WARN, reasons=(*verdict.reasons, *verdict.doubts), exit_code=_CLEAN, notes=notes)


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


def _weight(finding: Finding) -> Severity:
    """The severity with which a finding counts: a score from before the first attack does not make it harmless."""
    return max(finding.severity, Severity.HIGH) if finding.kev is not None else finding.severity


def _verdict(report: Report, policy: Policy, threshold: Severity | None, objections: Objections) -> Verdict:
    counted = [finding for finding in report.findings if finding.kind != "notice"]
    weighed = [finding for finding in counted if finding.state == "fixed"] if policy.only_fixed else counted
    above = [finding for finding in weighed if threshold is not None and _weight(finding) >= threshold]
    denying = {id(finding) for finding in above}
    unrated = [
        finding
        for finding in weighed
        if threshold is not None and finding.severity is Severity.UNKNOWN and id(finding) not in denying
    ]
    denials = (*_denials(above, policy, threshold), *objections.denials)
    doubts = (*_doubts(report, unrated), *objections.doubts)
    below = len(counted) - len(above) - len(unrated)
    notes = (*objections.notes, *_notes(report, below, policy, alone=not above and not unrated))
    if denials:
        return Verdict(decision=DENY, reasons=denials, exit_code=_DENIED, doubts=doubts, notes=notes)
    if doubts and policy.on_incomplete == "fail":
        return Verdict(decision=UNKNOWN, reasons=doubts, exit_code=_INCOMPLETE, notes=notes)
    if doubts or notes:
        return Verdict(decision=WARN, reasons=doubts or notes, exit_code=_CLEAN, notes=notes if doubts else ())
    return Verdict(decision=ALLOW, reasons=_clean(report), exit_code=_CLEAN)


def _denials(above: Sequence[Finding], policy: Policy, threshold: Severity | None) -> Iterable[str]:
    if not above:
        return
    fixable = " with a fix" if policy.only_fixed else ""
    yield f"{_count(above)}{fixable} {_are(above)} {_at_least(policy.fail_on)}: {_examples(above)}"
    raised = [finding for finding in above if threshold is not None and finding.severity < threshold]
    if raised:
        who = "it" if len(above) == 1 else f"{len(raised)} of them"
        counts = "counts" if len(raised) == 1 else "count"
        yield f"{who} {counts} as high only because CISA knows of attacks: {_examples(raised)}"


def _doubts(report: Report, unrated: Sequence[Finding]) -> Iterable[str]:
    gaps = [diagnostic for diagnostic in report.diagnostics if diagnostic.incomplete]
    for diagnostic in gaps[:_SHOWN]:
        yield f"the report is incomplete: {diagnostic.message}"
    if len(gaps) > _SHOWN:
        yield f"the report is incomplete for {len(gaps) - _SHOWN} more reasons"
    if unrated:
        named = f": {_examples(unrated)}" if len({finding.id for finding in unrated}) <= _SHOWN else ""
        until = _scored_until(report)
        since = f"; the CVE scores in the database end on {until}" if until else ""
        yield f"nobody has rated the severity of {_count(unrated)}, which may be as high as any{named}{since}"


def _scored_until(report: Report) -> str:
    """The last day of the CVE scores in the database; empty when none of its feeds has any."""
    feeds = report.database.feeds if report.database is not None else ()
    return max((feed.date[:10] for feed in feeds if feed.name in _SCORES), default="")


def _notes(report: Report, below: int, policy: Policy, *, alone: bool) -> Iterable[str]:
    if below:
        why = "fail-on is none" if policy.fail_on == "none" else f"not {_at_least(policy.fail_on)}"
        if policy.only_fixed:
            why += " or without a fix"
        yield f"{below} {'' if alone else 'other '}finding{'s' if below != 1 else ''} did not count: {why}"
    expired = sum(diagnostic.slug == "expired-exception" for diagnostic in report.diagnostics)
    if expired:
        yield f"{expired} exception{'s have' if expired != 1 else ' has'} expired and no longer count{'' if expired != 1 else 's'}"
    if not report.packages and not report.documents:
        nothing = "no package" if report.documents is None else "no document that a rule knows"
        yield f"{nothing} was found, so there was nothing to judge"


def _clean(report: Report) -> tuple[str, ...]:
    aside = f", {len(report.suppressed)} set aside" if report.suppressed else ""
    count, noun = (report.documents, "document") if report.documents is not None else (len(report.packages), "package")
    return (f"no finding in {count} {noun}{'s' if count != 1 else ''}{aside}",)


def _at_least(word: str) -> str:
    return "critical" if word == "critical" else f"{word} or above"


def _count(findings: Sequence[Finding]) -> str:
    """`3 findings`, or `3 findings of 2 defects` where a defect is in several packages."""
    defects = len({finding.id for finding in findings})
    of = f" of {defects} defect{'s' if defects != 1 else ''}" if defects != len(findings) else ""
    return f"{len(findings)} finding{'s' if len(findings) != 1 else ''}{of}"


def _are(findings: Sequence[Finding]) -> str:
    return "are" if len(findings) != 1 else "is"


def _examples(findings: Sequence[Finding]) -> str:
    """The most urgent few, each once: `CVE-2024-1 in openssl`, `CVE-2024-2 in 3 packages`."""
    names: dict[str, set[str]] = {}
    for finding in sorted(findings, key=lambda finding: (-finding.priority, -finding.severity, finding.id)):
        names.setdefault(finding.id, set()).update({finding.package.full_name} if finding.package else ())
    shown = [f"{name}{_inside(packages)}" for name, packages in list(names.items())[:_SHOWN]]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(shown) + more


def _inside(packages: set[str]) -> str:
    if len(packages) > 1:
        return f" in {len(packages)} packages"
    return f" in {min(packages)}" if packages else ""
