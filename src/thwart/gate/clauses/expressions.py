"""Whatever else: expressions in CEL over the report."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec.structs import asdict

from thwart.core.report import Report
from thwart.gate.clauses import Case, Objection, clause

_KEYS = {"name", "expression", "message"}
_VARIABLES = frozenset({"asset", "findings", "packages", "suppressed", "images", "bases", "today"})


def _tables(value: object) -> str:
    if not isinstance(value, list) or not value or not all(isinstance(one, dict) for one in value):
        return "must be an array of tables with name and expression: write [[expressions]]"
    for one in value:
        lacking = {"name", "expression"} - set(one)
        odd = set(one) - _KEYS
        if lacking or odd or not all(isinstance(text, str) and text.strip() for text in one.values()):
            return (
                f"must have the texts name, expression and, if you like, message, and no other: see {one.get('name')!r}"
            )
        wrong = _unreadable(one["expression"])
        if wrong:
            return f"{one['name']} cannot be read: {wrong}"
    return ""


def _unreadable(text: str) -> str:
    from thwart.lib.cel import Cel, EvaluationError

    try:
        program = Cel().compile(text)
    except EvaluationError as error:
        return str(error)
    unknown = sorted({*(program.variables - _VARIABLES), *program.functions})
    return f"there is no {unknown[0]}; known are {', '.join(sorted(_VARIABLES))}" if unknown else ""


@clause(
    "expressions in CEL that must be true of the report: asset, findings, packages, suppressed, images, bases, today",
    _tables,
)
def expressions(case: Case, value: list[dict[str, str]]) -> Iterator[Objection]:
    """Each expression that is false. One that has no value, or none that is true or false, is unknown."""
    from thwart.lib.cel import Cel, EvaluationError

    engine = Cel()
    variables = _variables(case)
    for one in value:
        try:
            found = engine.evaluate(engine.compile(one["expression"]), variables)
        except EvaluationError as error:
            yield Objection(f"the expression {one['name']} has no value: {error}", unknown=True)
            continue
        if not isinstance(found, bool):
            yield Objection(f"the expression {one['name']} is neither true nor false", unknown=True)
        elif not found:
            yield Objection(one.get("message") or f"the expression {one['name']} is false")


def _variables(case: Case) -> dict[str, Any]:
    report: Report = case.report
    return {
        "asset": {**asdict(report.asset), "labels": dict(report.asset.labels)},
        "findings": [
            {
                "id": one.id,
                "severity": one.severity.word,
                "kind": one.kind,
                "package": one.package.full_name if one.package else "",
                "state": one.state,
                "exploited": one.kev is not None,
                "epss": one.epss or 0.0,
                "subject": one.subject,
                "published": one.published,
                "path": one.locations[0].path if one.locations else "",
            }
            for one in report.findings
        ],
        "packages": [
            {"name": one.full_name, "version": one.version, "type": one.type, "licences": list(one.licences)}
            for one in report.packages
        ],
        "suppressed": [{"id": one.finding.id, "by": one.by, "owner": one.owner} for one in report.suppressed],
        "images": list(report.images),
        "bases": list(report.bases),
        "today": case.today.isoformat(),
    }
