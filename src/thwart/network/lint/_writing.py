"""Findings as text, JSON (`thwart-net-lint-v1`) and SARIF 2.1.0."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from msgspec import Struct

from thwart.core.advisory import Severity
from thwart.network.lint._finding import Finding, Place

SCHEMA = "thwart-net-lint-v1"
_LEVELS = {Severity.CRITICAL: "error", Severity.HIGH: "error", Severity.MEDIUM: "warning"}
_WIDEST = 160  # columns of a source line that are shown


class Report(Struct, frozen=True, kw_only=True):
    """What is written. `ignored` are findings that comments accept, with the reasons that they give."""

    findings: tuple[Finding, ...]
    ignored: tuple[tuple[Finding, str], ...] = ()
    policies: int = 0
    incomplete: bool = False


def text(report: Report, lines: Mapping[tuple[str, int], str]) -> str:
    """For people. `lines` has source lines by file and number, where they can be shown."""
    parts = [_block(finding, lines.get((finding.place.path, finding.place.line), "")) for finding in report.findings]
    return "".join(f"{part}\n" for part in [*parts, _summary(report)])


def _block(finding: Finding, source: str) -> str:
    place = finding.place
    where = f"{place.path}:{place.line}: " if place.line else f"{place.path}: " if place.path else ""
    rows = [f"{where}{finding.severity.word}[{finding.check}]: {place.what}", f"  {finding.sentence}"]
    if source.strip():
        gutter = " " * len(str(place.line))
        column = len(source) - len(source.lstrip())
        rows += [f"  {place.line} | {source[:_WIDEST].rstrip()}", f"  {gutter} | {' ' * column}^"]
    if finding.example:
        rows.append(f"  for example: {finding.example}")
    rows += [f"  see: {other}" for other in finding.others]
    rows.append(f"  fix: {finding.fix}")
    rows += [f"    {line}" for line in finding.snippet.splitlines()]
    return "\n".join(rows) + "\n"


def _summary(report: Report) -> str:
    counts = Counter(finding.severity for finding in report.findings)
    words = ", ".join(f"{counts[severity]} {severity.word}" for severity in sorted(counts, reverse=True))
    what = f"{_many(len(report.findings), 'finding')} ({words})" if words else "no findings"
    ignored = f", {len(report.ignored)} accepted by comments" if report.ignored else ""
    doubt = "; incomplete: see the warnings" if report.incomplete else ""
    return f"{_many(report.policies, 'policy', 'policies')}: {what}{ignored}{doubt}"


def _many(count: int, word: str, words: str = "") -> str:
    return f"{count} {word if count == 1 else words or word + 's'}"


def as_json(report: Report) -> str:
    """For machines."""
    counts = Counter(finding.severity.word for finding in report.findings)
    document = {
        "schema": SCHEMA,
        "complete": not report.incomplete,
        "policies": report.policies,
        "summary": {severity.word: counts[severity.word] for severity in sorted(Severity, reverse=True) if severity},
        "findings": [_plain(finding) for finding in report.findings],
        "ignored": [{**_plain(finding), "reason": reason} for finding, reason in report.ignored],
    }
    return json.dumps(document, indent=2) + "\n"


def _plain(finding: Finding) -> dict[str, Any]:
    return {
        "check": finding.check,
        "severity": finding.severity.word,
        "fingerprint": fingerprint(finding),
        **_where(finding.place),
        "sentence": finding.sentence,
        "fix": finding.fix,
        "example": finding.example or None,
        "snippet": finding.snippet or None,
        "related": [_where(other) for other in finding.others],
    }


def _where(place: Place) -> dict[str, Any]:
    return {"object": place.what, "file": place.path or None, "line": place.line or None}


def fingerprint(finding: Finding) -> str:
    """Stable while the object and what is said of it stay: of check, object, file and sentence, never of lines."""
    parts = (finding.check, finding.place.what, finding.place.path, finding.sentence)
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def as_sarif(report: Report, explanations: Mapping[str, tuple[str, Severity]], version: str) -> str:
    """For code-scanning services. `explanations` has the text and the severity of each check."""
    used = sorted({finding.check for finding in report.findings} | {finding.check for finding, _ in report.ignored})
    rules = [_rule(slug, *explanations.get(slug, ("", Severity.LOW))) for slug in used]
    results = [_result(finding, used) for finding in report.findings]
    results += [
        {**_result(finding, used), "suppressions": [{"kind": "inSource", "justification": reason}]}
        for finding, reason in report.ignored
    ]
    driver = {"name": "thwart", "version": version, "semanticVersion": version, "rules": rules}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [{"executionSuccessful": not report.incomplete}],
        "results": results,
    }
    document = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return json.dumps(document, indent=2) + "\n"


def _rule(slug: str, explanation: str, severity: Severity) -> dict[str, Any]:
    title = " ".join(explanation.split("\n\n", maxsplit=1)[0].split())
    return {
        "id": slug,
        "shortDescription": {"text": title or slug},
        "fullDescription": {"text": " ".join(explanation.split()) or slug},
        "help": {"text": explanation or slug},
        "defaultConfiguration": {"level": _LEVELS.get(severity, "note")},
    }


def _result(finding: Finding, rules: Sequence[str]) -> dict[str, Any]:
    message = f"{finding.place.what}: {finding.sentence}. Fix: {finding.fix}."
    found = {
        "ruleId": finding.check,
        "ruleIndex": rules.index(finding.check),
        "level": _LEVELS.get(finding.severity, "note"),
        "message": {"text": f"{message} For example: {finding.example}." if finding.example else message},
        "partialFingerprints": {"thwartNetLint/v1": fingerprint(finding)},
        "locations": _locations([finding.place]),
    }
    related = _locations(finding.others)
    return {**found, "relatedLocations": related} if related else found


def _locations(places: Iterable[Place]) -> list[dict[str, Any]]:
    found = []
    for place in places:
        if place.path and place.path != "-":
            physical: dict[str, Any] = {"artifactLocation": {"uri": quote(place.path)}}
            if place.line:
                physical["region"] = {"startLine": place.line}
            found.append({"physicalLocation": physical, "message": {"text": place.what}})
    return found
