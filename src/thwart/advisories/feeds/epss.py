"""FIRST's exploit prediction scores: CSV behind one comment line with the model and the day."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from thwart.advisories.feeds import Damaged, Dated, Document, Left, Record, decoder
from thwart.advisories.schema import cve_key
from thwart.advisories.scoring import day
from thwart.core.advisory import CveFacts
from thwart.core.errors import ParseError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from thwart.core.limits import Limits

_DATE = re.compile(r"score_date:([0-9T:+-]+)")
_HEADER = "cve,epss,percentile"
_MOST_DAMAGED = 20


def _accepts(document: Document) -> bool:
    lines = document.head.split(b"\n", 2)
    return any(line.strip() == _HEADER.encode() for line in lines[:2])


@decoder(accepts=_accepts, label="FIRST EPSS")
def epss(document: Document, limits: Limits) -> Iterator[Record]:
    """Probability and percentile, both from 0 to 1, for every CVE."""
    lines = document.data.decode("utf-8-sig", "replace").splitlines()
    if len(lines) > limits.entries:
        raise ParseError("more rows than the limits allow")
    damaged = 0
    for number, line in enumerate(lines, 1):
        if line.startswith("#"):
            if found := _DATE.search(line):
                yield Dated(day(found[1]))
            continue
        if line.strip() in ("", _HEADER):
            continue
        fact = _fact(line)
        if fact is None:
            damaged += 1
            if damaged <= _MOST_DAMAGED:
                yield Damaged(document.name, f"line {number} is no score")
            continue
        yield fact if cve_key(fact.id) is not None else Left("no-id")
    if damaged > _MOST_DAMAGED:
        yield Damaged(document.name, f"{damaged - _MOST_DAMAGED} further lines are no scores")


def _fact(line: str) -> CveFacts | None:
    parts = line.split(",")
    try:
        probability, percentile = float(parts[1]), float(parts[2])
    except (ValueError, IndexError):
        return None
    if not (0 <= probability <= 1 and 0 <= percentile <= 1):  # also false for NaN
        return None
    return CveFacts(id=parts[0].strip(), epss=probability, percentile=percentile)
