"""No more findings than agreed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from thwart.gate.clauses import Case, Objection, clause

_WORDS = ("critical", "high", "medium", "low", "negligible", "unknown")


def _table(value: object) -> str:
    counts = list(value.values()) if isinstance(value, dict) and not set(value) - set(_WORDS) else []
    fine = counts and all(isinstance(one, int) and not isinstance(one, bool) and one >= 0 for one in counts)
    return "" if fine else f"must be a table of numbers by severity: {', '.join(_WORDS)}"


@clause("at most so many findings of a severity", _table)
def max_findings(case: Case, value: dict[str, int]) -> Iterator[Objection]:
    """Counts after exceptions; notices do not count. What nobody has rated may be of any severity."""
    counts = Counter(one.severity.word for one in case.report.findings if one.kind != "notice")
    for word, most in value.items():
        count = counts[word]
        if count > most:
            yield Objection(f"there are {count} findings of severity {word}, more than {most}")
        elif "unknown" not in value and count + counts["unknown"] > most:
            unrated = f"with the {counts['unknown']} that nobody has rated"
            yield Objection(f"there may be more than {most} findings of severity {word}, {unrated}", unknown=True)
