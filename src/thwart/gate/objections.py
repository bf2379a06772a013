"""What the clauses of a policy object to, sorted by what it means."""

from __future__ import annotations

from datetime import date

from thwart.core.errors import UsageError
from thwart.core.report import Policy, Report


class Objections:
    """`denials` of clauses that are enforced, `doubts` where nobody can tell, `notes` of clauses that only warn.

    Raises:
        UsageError: there is no such clause, or its value is none of its own.
    """

    def __init__(self, report: Report, policy: Policy, today: date) -> None:
        self.denials: list[str] = []
        self.doubts: list[str] = []
        self.notes: list[str] = []
        for clause in policy.clauses:
            from thwart.gate.clauses import CLAUSES, Case

            member = CLAUSES.get(clause.name.replace("-", "_"))
            wrong = "is no clause of a policy" if member is None else member.refuse(clause.value)
            if member is None or wrong:
                raise UsageError(f"{clause.name} {wrong}")
            for one in member.judge(Case(report, today), clause.value):
                if clause.mode != "enforce":
                    would = "this would have been denied: " if clause.mode == "dry-run" else ""
                    self.notes.append(f"{would}{one.sentence} ({clause.name})")
                elif one.unknown:
                    self.doubts.append(f"{one.sentence} ({clause.name})")
                else:
                    self.denials.append(f"{one.sentence} ({clause.name})")
