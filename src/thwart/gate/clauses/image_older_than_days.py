"""No image that nobody has built for too long."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from thwart.gate.clauses import Case, Objection, clause, days

_NEVER = "1980-01-01"  # builds that can be reproduced set the clock to the beginning of time


@clause("no image that was built more than this many days ago", days)
def image_older_than_days(case: Case, value: int) -> Iterator[Objection]:
    """The image's own statement of when it was made, which reproducible builds do not give."""
    if case.report.asset.kind != "image":
        return
    made = case.report.asset.created[:10]
    if made < _NEVER:
        yield Objection("the image does not say when it was built", unknown=True)
    elif made < (case.today - timedelta(days=value)).isoformat():
        yield Objection(f"the image was built on {made}, more than {value} days ago")
