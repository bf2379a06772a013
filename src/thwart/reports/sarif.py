"""SARIF 2.1.0 (OASIS, errata 01) as GitHub code scanning and other result viewers read it. One run per report."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from thwart.core.advisory import Severity
from thwart.reports import Judged, RenderOptions, output
from thwart.reports._identity import instant
from thwart.reports._json import dump
from thwart.reports._links import advisory_address, weakness
from thwart.reports._plain import clean, uri_path
from thwart.reports._view import View, marks, name_of, only, state_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from thwart.core.finding import Diagnostic, Finding, Suppressed
    from thwart.core.package import Location
    from thwart.core.report import Report
    from thwart.core.rule import Rule

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
ROOT = "ASSET"

_LEVELS = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.UNKNOWN: "warning",
    Severity.LOW: "note",
    Severity.NEGLIGIBLE: "note",
}
# GitHub reads `security-severity` as a CVSS score: over 9.0 is critical, 7.0 high, 4.0 medium, above 0 low.
_BANDS = {
    Severity.CRITICAL: (9.1, 10.0, 9.5),
    Severity.HIGH: (7.0, 8.9, 8.0),
    Severity.MEDIUM: (4.0, 6.9, 5.5),
    Severity.LOW: (0.1, 3.9, 2.0),
    Severity.NEGLIGIBLE: (0.1, 0.1, 0.1),
}
_PRECISIONS = {"high": "very-high", "medium": "high", "low": "medium"}


@output("application/sarif+json", ".sarif")
def sarif(reports: Sequence[Judged], options: RenderOptions) -> bytes:
    """A log of one run per report; suppressed findings are results with `suppressions`."""
    views = [View(report, verdict) for report, verdict in reports]
    return dump({"$schema": SCHEMA, "version": "2.1.0", "runs": [_run(view, options) for view in views]})


def _run(view: View, options: RenderOptions) -> dict[str, Any]:
    report = view.report
    findings = () if options.packages_only else report.findings
    suppressed = () if options.packages_only else report.suppressed
    rules: dict[str, list[Finding]] = {}
    pages = {rule.id: rule for rule in report.rules}
    for finding in (*findings, *(item.finding for item in suppressed)):
        rules.setdefault(_rule_id(finding), []).append(finding)
    index = {rule: position for position, rule in enumerate(rules)}
    results = [_result(finding, index, view) for finding in findings]
    results += [_result(item.finding, index, view) | {"suppressions": [_suppression(item)]} for item in suppressed]
    return {
        "tool": {"driver": _driver(report, rules, pages)},
        "automationDetails": {"id": _category(report)},
        "invocations": [_invocation(view)],
        "originalUriBaseIds": {ROOT: {"description": {"text": f"The root of {clean(report.asset.name)}"}}},
        "results": results,
        "properties": _asset(view),
    }


def _driver(report: Report, rules: dict[str, list[Finding]], pages: dict[str, Rule]) -> dict[str, Any]:
    version = clean(report.tool_version)
    return {
        "name": "Thwart",
        "version": version,
        "semanticVersion": version,
        "rules": [
            _documented(pages[name]) if name in pages else _rule(name, findings) for name, findings in rules.items()
        ],
    }


def _category(report: Report) -> str:
    """What GitHub keeps apart as one analysis; the final slash says that there is no identifier of a run after it."""
    return f"thwart/{clean(report.asset.kind)}/{clean(report.asset.name)}/"


def _rule_id(finding: Finding) -> str:
    return _short(clean(finding.id)) or "unnamed"


def _rule(name: str, findings: Sequence[Finding]) -> dict[str, Any]:
    """A rule per advisory: the worst that any of its findings says, for viewers that rank rules."""
    worst = max(findings, key=lambda finding: (finding.severity, _number(finding) or 0.0))
    subjects = _listed(sorted({name_of(finding) for finding in findings if finding.package}))
    fixes = _listed(sorted({finding.fix.title for finding in findings if finding.fix}))
    told = f"{name} in {subjects}" if subjects else clean(worst.message)
    help_text = [f"{told}.", f"Severity: {worst.severity.word}.", f"What to do: {fixes or state_of(worst)}."]
    if worst.because:
        help_text.append(f"Why it ranks there: {_listed(worst.because)}.")
    rule: dict[str, Any] = {
        "id": name,
        "name": "".join(part.capitalize() for part in re.findall(r"[A-Za-z0-9]+", worst.kind)) or "Finding",
        "shortDescription": {"text": _short(told)},
        "fullDescription": {"text": _short(clean(worst.message) or told, 1000)},
        "help": {"text": "\n".join(help_text), "markdown": "\n\n".join(map(_markdown, help_text))},
        "defaultConfiguration": {"level": _LEVELS[worst.severity]},
        "properties": {
            "precision": _PRECISIONS.get(worst.confidence, "medium"),
            "tags": _tags(findings, worst),
        },
    }
    number = _number(worst)
    if number is not None:
        rule["properties"]["security-severity"] = f"{number:.1f}"
    address = advisory_address(worst.id)
    return rule | ({"helpUri": address} if address else {})


def _documented(rule: Rule) -> dict[str, Any]:
    """A rule that has a page of its own."""
    band = _BANDS.get(rule.severity)
    described: dict[str, Any] = {
        "id": rule.id,
        "name": "".join(part.capitalize() for part in rule.id.split("-")),
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": _short(f"{rule.title}. {rule.why}", 1000)},
        "help": {"text": rule.page, "markdown": rule.page},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {
            "precision": _PRECISIONS.get(rule.confidence, "medium"),
            "tags": list(dict.fromkeys(["security", "rule", rule.family, rule.severity.word, *rule.references]))[:20],
        },
    }
    if band is not None:
        described["properties"]["security-severity"] = f"{band[2]:.1f}"
    return described


def _tags(findings: Sequence[Finding], worst: Finding) -> list[str]:
    tags = ["security", clean(worst.kind), worst.severity.word]
    tags += sorted({clean(finding.package.type) for finding in findings if finding.package})
    tags += [f"external/cwe/{cwe.lower()}" for cwe in worst.cwes if weakness(cwe)]
    tags += ["known-exploited"] if any(finding.kev for finding in findings) else []
    return list(dict.fromkeys(tag for tag in tags if tag))[:20]


def _number(finding: Finding) -> float | None:
    """The score inside the band of the finding's own severity, so that a viewer's word is the same as ours."""
    band = _BANDS.get(finding.severity)
    if band is None:
        return None
    low, high, nominal = band
    score = finding.score.score if finding.score is not None else -1.0
    return score if low <= score <= high else nominal


def _result(finding: Finding, index: dict[str, int], view: View) -> dict[str, Any]:
    rule = _rule_id(finding)
    fingerprint = finding.fingerprint
    return {
        "ruleId": rule,
        "ruleIndex": index[rule],
        "kind": "fail",
        "level": _LEVELS[finding.severity],
        "message": {"text": _message(finding, view)},
        "locations": _locations(finding, view),
        "partialFingerprints": {
            "thwartFinding/v1": fingerprint,
            "primaryLocationLineHash": f"{fingerprint}:1",  # the only one that GitHub compares
        },
        "rank": min(100.0, max(0.0, finding.priority)),
        "suppressions": [],  # 3.27.23: for all results of a run, or for none
        "properties": _facts(finding, view),
    }


def _message(finding: Finding, view: View) -> str:
    parts = [clean(finding.message) or _rule_id(finding)]
    parts.append(clean(finding.fix.title if finding.fix else state_of(finding)))
    parts += [*marks(finding), only([finding])]
    if finding.package is not None and view.layer_of(finding.package.layer):
        history = clean(view.history_of(finding.package.layer))
        parts.append(f"{view.layer_of(finding.package.layer)}{f': {history}' if history else ''}")
    return _literal(_short("; ".join(part for part in parts if part), 4000))


def _literal(text: str) -> str:
    """The text without anything that SARIF reads as a placeholder (3.11.5) or as a link (3.11.6)."""
    return text.replace("{", "{{").replace("}", "}}").replace("](", "] (")


def _facts(finding: Finding, view: View) -> dict[str, Any]:
    package = finding.package
    facts: dict[str, Any] = {
        "severity": finding.severity.word,
        "state": finding.state,
        "priority": finding.priority,
        "aliases": list(finding.aliases),
        "because": list(finding.because),
        "fixedVersion": finding.fix.version if finding.fix else "",
        "epss": finding.epss,
        "knownExploitedSince": finding.kev.added if finding.kev else "",
        "references": list(finding.references),
        "evidence": [f"{one.pointer} {one.phrase}".strip() for one in finding.evidence],
    }
    if package is not None:
        facts |= {
            "purl": package.purl,
            "package": package.full_name,
            "installedVersion": package.version,
            "scope": package.scope,
            "layerDiffId": package.layer,
            "dockerfileLine": view.history_of(package.layer),
        }
    return {name: value for name, value in facts.items() if value not in ("", None, [])}


def _locations(finding: Finding, view: View) -> list[dict[str, Any]]:
    """Every place; without one the asset itself, since viewers drop a result that lies nowhere."""
    places = finding.locations or (finding.package.locations if finding.package else ())
    logical = _logical(finding, view)
    found = [_location(place, logical) for place in places[:10] if place.path.strip("/")]
    return found or [
        {"physicalLocation": _physical(uri_path(view.report.asset.name) or ".", 1), "logicalLocations": logical}
    ]


def _location(place: Location, logical: list[dict[str, str]]) -> dict[str, Any]:
    physical = _physical(uri_path(place.path), place.line, place.column)
    return {"physicalLocation": physical, "logicalLocations": logical}


def _physical(uri: str, line: int, column: int = 0) -> dict[str, Any]:
    # GitHub requires a region; line 0 (the whole file) is shown at the file's first line.
    region = {"startLine": max(1, line)} | ({"startColumn": column} if line and column else {})
    return {"artifactLocation": {"uri": uri, "uriBaseId": ROOT}, "region": region}


def _logical(finding: Finding, view: View) -> list[dict[str, str]]:
    package = finding.package
    if package is None:
        return [{"fullyQualifiedName": clean(finding.subject), "kind": "object"}] if finding.subject else []
    name = clean(package.full_name)
    named = f"{name}@{clean(package.version)}"
    found = [{"name": name, "fullyQualifiedName": clean(package.purl) or named, "kind": "package"}]
    layer = view.layers.get(package.layer)
    if layer is not None:
        words = view.layer_of(package.layer)
        found.append({"name": words, "fullyQualifiedName": clean(layer.diff_id), "kind": "layer"})
    return found


def _suppression(item: Suppressed) -> dict[str, Any]:
    suppression: dict[str, Any] = {
        "kind": "inSource" if item.by == "inline" else "external",
        "status": "accepted",
        "justification": clean(item.reason) or "no reason given",
    }
    facts = {"by": item.by, "owner": item.owner, "expires": item.expires}
    return suppression | {"properties": {name: clean(value) for name, value in facts.items() if value}}


def _invocation(view: View) -> dict[str, Any]:
    invocation: dict[str, Any] = {
        "executionSuccessful": not view.report.incomplete,
        "exitCode": view.verdict.exit_code,
        "toolExecutionNotifications": [_notification(diagnostic) for diagnostic in view.report.diagnostics],
    }
    ended = instant(view.report.created)
    return invocation | ({"endTimeUtc": ended} if ended else {})


def _notification(diagnostic: Diagnostic) -> dict[str, Any]:
    hint = f" Hint: {clean(diagnostic.hint)}." if diagnostic.hint else ""
    said = f"{clean(diagnostic.message) or clean(diagnostic.slug)}.{hint}"
    notification: dict[str, Any] = {
        "descriptor": {"id": clean(diagnostic.slug)},
        "level": "error" if diagnostic.incomplete else "note",
        "message": {"text": _literal(said)},
    }
    if diagnostic.path.strip("/"):
        artifact = {"uri": uri_path(diagnostic.path), "uriBaseId": ROOT}
        notification["locations"] = [{"physicalLocation": {"artifactLocation": artifact}}]
    return notification


def _asset(view: View) -> dict[str, Any]:
    asset, database = view.report.asset, view.report.database
    facts: dict[str, Any] = {
        "asset": asset.name,
        "digest": asset.digest,
        "platform": asset.platform,
        "release": view.report.release.distro if view.report.release else "",
        "packages": len(view.report.packages),
        "incomplete": view.report.incomplete,
        "verdict": view.verdict.decision,
        "verdictReasons": list(view.verdict.reasons),
        "verdictDoubts": list(view.verdict.doubts),
        "verdictNotes": list(view.verdict.notes),
        "databaseBuilt": database.built if database else "",
        "databaseAgeDays": database.age_days if database else None,
        "documents": view.report.documents,
        "controls": [{"id": one.id, "title": one.title, "status": one.status} for one in view.report.controls],
    }
    return {name: value for name, value in facts.items() if value not in ("", None, [])}


def _listed(items: Iterable[str], most: int = 8) -> str:
    cleaned = [_short(clean(item)) for item in items]
    rest = [f"{len(cleaned) - most} more"] if len(cleaned) > most else []
    return ", ".join([*cleaned[:most], *rest])


def _short(text: str, length: int = 200) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


_SPECIAL = re.compile(r"([\\`*_\[\]<>()#|~$&])")


def _markdown(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)
