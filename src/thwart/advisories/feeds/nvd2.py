"""NVD's JSON 2.0, as the API's pages and the yearly feed files give it; scores only, no CPE guessing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from thwart.advisories.feeds import Damaged, Dated, Document, Left, Record, decoder, json_error
from thwart.advisories.schema import cve_key
from thwart.advisories.scoring import cvss_score, day
from thwart.core.advisory import CveFacts, Score

if TYPE_CHECKING:
    from collections.abc import Iterator

    from thwart.core.limits import Limits

# NVD names sources by address or by the organisation's id in the CVE programme.
_SOURCES = {
    "nvd@nist.gov": "NVD",
    "134c704f-9b21-4f2e-91b3-4a467353bcc0": "ADP:CISA-ADP",
}


class _Cvss(msgspec.Struct, rename="camel", gc=False):
    vector_string: str = ""


class _Metric(msgspec.Struct, rename="camel", gc=False):
    source: str = ""
    cvss_data: _Cvss | None = None


class _Metrics(msgspec.Struct, gc=False):
    v40: list[_Metric] | None = msgspec.field(name="cvssMetricV40", default=None)
    v31: list[_Metric] | None = msgspec.field(name="cvssMetricV31", default=None)
    v30: list[_Metric] | None = msgspec.field(name="cvssMetricV30", default=None)
    v2: list[_Metric] | None = msgspec.field(name="cvssMetricV2", default=None)


class _Text(msgspec.Struct, gc=False):
    value: str = ""


class _Weakness(msgspec.Struct, gc=False):
    description: list[_Text] | None = None


class _Cve(msgspec.Struct, rename="camel", gc=False):
    id: str
    published: str | None = None
    vuln_status: str | None = None
    metrics: _Metrics | None = None
    weaknesses: list[_Weakness] | None = None


class _Item(msgspec.Struct, gc=False):
    cve: _Cve


class _Page(msgspec.Struct, gc=False):
    vulnerabilities: list[msgspec.Raw]
    timestamp: str | None = None


_PAGE = msgspec.json.Decoder(_Page)
_ITEM = msgspec.json.Decoder(_Item)


def _accepts(document: Document) -> bool:
    return "vulnerabilities" in document.keys and bool(document.keys & {"format", "resultsPerPage"})


@decoder(accepts=_accepts, label="NVD")
def nvd2(document: Document, limits: Limits) -> Iterator[Record]:
    """Facts on each CVE; items are decoded one after the other."""
    del limits
    try:
        page = _PAGE.decode(document.data)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise json_error(error) from None
    if date := day(page.timestamp):
        yield Dated(date)
    for raw in page.vulnerabilities:
        try:
            cve = _ITEM.decode(raw).cve
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            yield Damaged(document.name, str(error))
            continue
        yield _facts(cve) if cve_key(cve.id) is not None else Left("no-id")


def _facts(cve: _Cve) -> CveFacts:
    if (cve.vuln_status or "").lower() == "rejected":
        return CveFacts(id=cve.id, rejected=True)
    metrics = cve.metrics or _Metrics()
    scores = [
        cvss_score(source(metric.source), system, metric.cvss_data.vector_string)
        for system, group in (
            ("CVSS_V4", metrics.v40),
            ("CVSS_V3", metrics.v31),
            ("CVSS_V3", metrics.v30),
            ("CVSS_V2", metrics.v2),
        )
        for metric in group or ()
        if metric.cvss_data is not None and metric.cvss_data.vector_string
    ]
    weaknesses = (
        text.value
        for one in cve.weaknesses or ()
        for text in one.description or ()
        if text.value.startswith("CWE-") and text.value[4:].isdigit()
    )
    unique: tuple[Score, ...] = tuple(dict.fromkeys(scores))
    return CveFacts(id=cve.id, scores=unique, published=day(cve.published), cwes=tuple(dict.fromkeys(weaknesses)))


def source(name: str) -> str:
    """`NVD`, `ADP:…`, or `CNA` for whoever else NVD quotes: the CVE's own authority."""
    return _SOURCES.get(name, "CNA")
