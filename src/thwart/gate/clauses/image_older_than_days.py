"""No image that nobody has built for too long."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from thwart.gate.clauses import Case, Objection, clause, day, days

_NEVER = date(1980, 1, 1)  # builds that can be reproduced set the clock to the beginning of time


@clause("no image that was built more than this many days ago", days)
def image_older_than_days(case: Case, value: int) -> Iterator[Objection]:
    """The image's own statement of when it was made, which reproducible builds do not give."""
    if case.report.asset.kind != "image":
        return
    made = day(case.report.asset.created)
    if made is None or made < _NEVER:
        yield Objection("the image does not say when it was built", unknown=True)
    elif made > case.today + timedelta(days=1):  # a day, as clocks and time zones differ
        yield Objection(f"the image says that it was built on {made}, which is yet to come", unknown=True)
    elif made < case.today - timedelta(days=value):
        yield Objection(f"the image was built on {made}, more than {value} days ago")
