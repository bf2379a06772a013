"""Verdicts on objects and on last scans, by the gate; without what nobody at a prompt wants to read."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterator
from datetime import date
from typing import Any

import msgspec
from msgspec.structs import replace

from thwart import gate, rules
from thwart._version import __version__
from thwart.core.advisory import Severity
from thwart.core.finding import Finding
from thwart.core.report import Asset, Policy, Report, Verdict
from thwart.gate.objections import Objections

_MOST = 5_000  # objects whose verdicts are kept
_IDENTITY = ("name", "generateName", "uid", "resourceVersion", "managedFields", "ownerReferences", "creationTimestamp")
_ORDER = ("allow", "warn", "unknown", "deny")
_TOLD = 4
_ALLOW = Verdict(decision="allow")


class Ruled:
    """What rules and the policy say of objects; replicas of one pod are judged once. Safe for threads."""

    def __init__(self, policy: Policy, framework: str) -> None:
        self._policy = policy
        self._framework = framework
        self._named = any(one.asset for one in policy.exceptions)
        self._kept: OrderedDict[tuple[bytes, str, date], tuple[Verdict, ...]] = OrderedDict()

    def verdicts(
        self, document: dict[str, Any], namespace: str, images: tuple[str, ...], today: date
    ) -> tuple[Verdict, ...]:
        """The verdicts on an object that runs these images."""
        metadata = document.get("metadata")
        metadata = metadata if isinstance(metadata, dict) else {}
        stated = {key: value for key, value in metadata.items() if key not in _IDENTITY}
        data = msgspec.json.encode({**document, "metadata": {**stated, "namespace": namespace}, "status": None})
        name = f"{document['kind']} {namespace}/{metadata.get('generateName') or metadata.get('name') or ''}"[:300]
        key = hashlib.sha256(data).digest(), name if self._named else "", today
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = tuple(self._judged(data, name, images, today))
            while len(self._kept) > _MOST:
                self._kept.popitem(last=False)
        return found

    def _judged(self, data: bytes, name: str, images: tuple[str, ...], today: date) -> Iterator[Verdict]:
        report = _report(data, name, images, self._framework)
        yield from weighed(report, replace(self._policy, clauses=()), today)
        if self._policy.clauses:
            # a framework narrows which rules refuse by their severity; clauses name what they want, and see every rule
            whole = _report(data, name, images, "") if self._framework else report
            yield from _clauses(whole, self._policy, today)


def weighed(report: Report, policy: Policy, today: date) -> Iterator[Verdict]:
    """The gate's verdicts on a report, of its findings that count and of the policy's clauses.

    Findings below the policy's threshold are left out, as a warning with every pod would be read by nobody.
    """
    enforced = replace(policy, mode="enforce", on_incomplete="fail", clauses=())
    threshold = Severity.__members__.get(policy.fail_on.upper(), None)
    counted = tuple(one for one in report.findings if _counts(one, threshold, only_fixed=policy.only_fixed))
    judged, verdict = gate.decide(replace(report, findings=counted), enforced, today)
    told = [f"{one.id}: {one.message}" for one in judged.findings if one.kind == "rule"]
    if verdict.decision == "deny" and told:
        more = (f"and {len(told) - _TOLD} more findings",) if len(told) > _TOLD else ()
        lapsed = [
            one.message for one in judged.diagnostics if one.slug == "expired-exception" and "again" in one.message
        ]
        verdict = replace(verdict, reasons=(*told[:_TOLD], *more, *lapsed[:1]), doubts=())
    yield verdict
    if policy.clauses:
        yield from _clauses(report, policy, today)


def _counts(finding: Finding, threshold: Severity | None, *, only_fixed: bool) -> bool:
    if threshold is None or finding.kind == "notice" or (only_fixed and finding.state != "fixed"):
        return False
    return finding.kev is not None or finding.severity >= threshold or finding.severity is Severity.UNKNOWN


def _clauses(report: Report, policy: Policy, today: date) -> Iterator[Verdict]:
    accepted, _ = gate.decide(report, replace(policy, clauses=()), today)
    objections = Objections(accepted, policy, today)
    for word, reasons in (("deny", objections.denials), ("unknown", objections.doubts), ("warn", objections.notes)):
        if reasons:
            yield Verdict(decision=word, reasons=tuple(reasons))


def _report(data: bytes, name: str, images: tuple[str, ...], framework: str) -> Report:
    outcome = rules.check([("review.json", data)], rules.Options(framework=framework))
    return Report(
        asset=Asset(kind="documents", name=name),
        tool_version=__version__,
        created="",
        findings=outcome.findings,
        diagnostics=outcome.diagnostics,
        documents=outcome.documents,
        images=images,
    )


def worst(verdicts: list[Verdict]) -> Verdict:
    """The strictest of several decisions, with the reasons of all that are as strict and the doubts of the others."""
    most = max([one.decision for one in verdicts], key=_ORDER.index)
    if most == "allow":
        return _ALLOW
    reasons = tuple(dict.fromkeys(reason for one in verdicts if one.decision == most for reason in one.reasons))
    unsure = [one for one in verdicts if one.decision == "unknown" != most]
    return Verdict(decision=most, reasons=reasons, doubts=tuple(reason for one in unsure for reason in one.reasons))


def tempered(verdict: Verdict, policy: Policy) -> Verdict:
    """What a policy that only warns, of everything or of what nobody knows, makes of a refusal."""
    if verdict.decision == "unknown" and policy.on_incomplete == "warn":
        verdict = replace(verdict, decision="warn")
    if verdict.decision in ("deny", "unknown") and policy.mode != "enforce":
        note = f"the policy's mode is {policy.mode}: this would have been refused"
        verdict = replace(verdict, decision="warn", reasons=(note, *verdict.reasons))
    return verdict
