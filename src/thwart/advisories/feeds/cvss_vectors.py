"""A flat table of CVSS vectors: `cve,source,vector,score,severity`."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from thwart.advisories.feeds import Damaged, Document, Left, Record, decoder
from thwart.advisories.schema import cve_key
from thwart.advisories.scoring import cvss_score
from thwart.core.advisory import CveFacts
from thwart.core.errors import ParseError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from thwart.core.limits import Limits

_HEADER = b"cve,source,vector,score"


def _accepts(document: Document) -> bool:
    return document.head.startswith(_HEADER)


@decoder(accepts=_accepts, label="CVSS vectors")
def cvss_vectors(document: Document, limits: Limits) -> Iterator[Record]:
    """One score a row, computed anew from its vector; what follows `@` in the source says through whom it came."""
    text = document.data.decode("utf-8-sig", "replace")
    try:
        for count, row in enumerate(csv.DictReader(io.StringIO(text, newline=""), strict=True)):
            if count > limits.entries:
                raise ParseError("more rows than the limits allow")
            cve, vector = (row.get("cve") or "").strip(), (row.get("vector") or "").strip()
            if not vector:
                yield Damaged(document.name, f"row {count + 1} has no vector")
            elif cve_key(cve) is None:
                yield Left("no-id")
            else:
                yield CveFacts(id=cve, scores=(cvss_score(_source(row.get("source") or ""), "CVSS", vector),))
    except csv.Error as error:
        raise ParseError(f"not the CSV that was expected: {error}") from None


def _source(text: str) -> str:
    who = text.partition("@")[0].strip()
    if who.startswith("adp:"):
        return f"ADP:{who[4:]}"
    return {"nvd": "NVD", "ubuntu": "Ubuntu"}.get(who, "CNA")
