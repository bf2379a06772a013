"""Nothing that is likely to be attacked."""

from __future__ import annotations

from collections.abc import Iterator

from thwart.gate.clauses import Case, Objection, clause, named


def _share(value: object) -> str:
    fine = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 1
    return "" if fine else "must be a probability above 0, at most 1"


@clause("no vulnerability whose EPSS probability of attack within 30 days is this or more", _share)
def epss(case: Case, value: float) -> Iterator[Objection]:
    """The findings at or above the probability. One without a score is not likely nor unlikely: it does not count."""
    found = [one.id for one in case.report.findings if one.epss is not None and one.epss >= value]
    if found:
        yield Objection(f"EPSS gives {named(found)} a probability of attack of {value} or more")
