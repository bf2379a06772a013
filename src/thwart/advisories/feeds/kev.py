"""CISA's catalogue of known exploited vulnerabilities, as JSON or CSV."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import msgspec

from thwart.advisories.feeds import Damaged, Dated, Document, Left, Record, decoder, json_error
from thwart.advisories.schema import cve_key
from thwart.advisories.scoring import day
from thwart.core.advisory import CveFacts, Exploited
from thwart.core.errors import ParseError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from thwart.core.limits import Limits

_COLUMNS = frozenset({"cveID", "dateAdded", "dueDate"})


class _Item(msgspec.Struct, rename="camel", gc=False):
    date_added: str
    cve_id: str = msgspec.field(name="cveID")
    due_date: str | None = None
    known_ransomware_campaign_use: str | None = None
    cwes: list[str] | None = None


class _Catalogue(msgspec.Struct, rename="camel", gc=False):
    vulnerabilities: list[msgspec.Raw]
    date_released: str | None = None


_CATALOGUE = msgspec.json.Decoder(_Catalogue)
_ITEM = msgspec.json.Decoder(_Item)


def _accepts(document: Document) -> bool:
    return {"catalogVersion", "vulnerabilities"} <= document.keys or _is_csv(document)


def _is_csv(document: Document) -> bool:
    first = document.head.partition(b"\n")[0]
    return all(column.encode() in first for column in _COLUMNS) and b"," in first and b"{" not in first


@decoder(accepts=_accepts, label="CISA KEV")
def kev(document: Document, limits: Limits) -> Iterator[Record]:
    """When each CVE was added, until when it must be mended, and whether ransomware uses it."""
    yield from _rows(document, limits) if _is_csv(document) else _items(document)


def _items(document: Document) -> Iterator[Record]:
    try:
        catalogue = _CATALOGUE.decode(document.data)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise json_error(error) from None
    if date := day(catalogue.date_released):
        yield Dated(date)
    for raw in catalogue.vulnerabilities:
        try:
            item = _ITEM.decode(raw)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            yield Damaged(document.name, str(error))
            continue
        yield _fact(item.cve_id, item.date_added, item.due_date, item.known_ransomware_campaign_use, item.cwes or [])


def _rows(document: Document, limits: Limits) -> Iterator[Record]:
    text = document.data.decode("utf-8-sig", "replace")
    newest = ""
    try:
        for count, row in enumerate(csv.DictReader(io.StringIO(text, newline=""), strict=True)):
            if count > limits.entries:
                raise ParseError("more rows than the limits allow")
            if not row.get("cveID") or not row.get("dateAdded"):
                yield Damaged(document.name, f"row {count + 1} has no id or no date")
                continue
            cwes = [one.strip() for one in (row.get("cwes") or "").split(",") if one.strip()]
            newest = max(newest, day(row["dateAdded"]))
            yield _fact(row["cveID"], row["dateAdded"], row.get("dueDate"), row.get("knownRansomwareCampaignUse"), cwes)
    except csv.Error as error:
        raise ParseError(f"not the CSV that was expected: {error}") from None
    if newest:
        yield Dated(newest)


def _fact(cve: str, added: str, due: str | None, ransomware: str | None, cwes: list[str]) -> Record:
    if cve_key(cve.strip()) is None:
        return Left("no-id")
    known = (ransomware or "").strip().lower() == "known"
    entry = Exploited(added=day(added), due=day(due), ransomware=known)
    return CveFacts(id=cve.strip(), kev=entry, cwes=tuple(one for one in cwes if one.startswith("CWE-")))
