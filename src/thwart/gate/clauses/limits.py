"""Limits for everything that runs."""

from __future__ import annotations

from collections.abc import Iterator

from thwart.gate.clauses import Case, Objection, clause, yes
from thwart.gate.clauses.rules import objections

RULES = ("no-memory-limit", "no-cpu-limit", "unlimited-memory", "unlimited-cpu", "unlimited-processes")


@clause("limits of memory and CPU on every container that documents or engines show", yes)
def limits(case: Case, value: bool) -> Iterator[Objection]:
    """The findings of the rules on limits."""
    if value:
        yield from objections(case.report, RULES)
