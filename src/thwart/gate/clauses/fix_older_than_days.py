"""No upgrade left undone for too long."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from thwart.gate.clauses import Case, Objection, clause, day, days, named


@clause("no vulnerability with a fix whose advisory is older than this many days", days)
def fix_older_than_days(case: Case, value: int) -> Iterator[Objection]:
    """The findings that an upgrade closes and whose advisory was published before. Nobody records when a fix came out."""
    limit = case.today - timedelta(days=value)
    fixed = [one for one in case.report.findings if one.kind == "vulnerability" and one.state == "fixed"]
    since = [(one.id, day(one.published)) for one in fixed]
    old = [name for name, at in since if at is not None and at < limit]
    undated = [name for name, at in since if at is None]
    if old:
        yield Objection(f"a fix has been there for more than {value} days for {named(old)}")
    if undated:
        yield Objection(f"nobody knows since when there is a fix for {named(undated)}", unknown=True)
