"""Rules that must hold, whatever their severity."""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.report import Report
from thwart.gate.clauses import Case, Objection, clause, named, texts


@clause("no finding of these rules, whatever its severity", texts)
def rules(case: Case, value: list[str]) -> Iterator[Objection]:
    """The findings of the rules that are named."""
    yield from objections(case.report, value)


def objections(report: Report, wanted: list[str] | tuple[str, ...]) -> Iterator[Objection]:
    """One objection per rule that found something."""
    for rule in wanted:
        found = [one for one in report.findings if one.kind == "rule" and one.id == rule]
        if found:
            yield Objection(f"the rule {rule} is broken by {named(one.subject or one.message for one in found)}")
