"""CVE records in JSON 5 (CVE record format 5.x), for scores: the CNA's and those that others added (ADP)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from thwart.advisories.feeds import Damaged, Document, Left, Record, decoder
from thwart.advisories.schema import cve_key
from thwart.advisories.scoring import cvss_score, day
from thwart.core.advisory import CveFacts, Score

if TYPE_CHECKING:
    from collections.abc import Iterator

    from thwart.core.limits import Limits


class _Cvss(msgspec.Struct, rename="camel", gc=False):
    vector_string: str = ""


class _Metric(msgspec.Struct, gc=False):
    v2: _Cvss | None = msgspec.field(name="cvssV2_0", default=None)
    v30: _Cvss | None = msgspec.field(name="cvssV3_0", default=None)
    v31: _Cvss | None = msgspec.field(name="cvssV3_1", default=None)
    v4: _Cvss | None = msgspec.field(name="cvssV4_0", default=None)


class _Description(msgspec.Struct, rename="camel", gc=False):
    cwe_id: str | None = None


class _Problem(msgspec.Struct, gc=False):
    descriptions: list[_Description] | None = None


class _Provider(msgspec.Struct, rename="camel", gc=False):
    short_name: str | None = None


class _Container(msgspec.Struct, rename="camel", gc=False):
    metrics: list[_Metric] | None = None
    problem_types: list[_Problem] | None = None
    provider_metadata: _Provider | None = None


class _Containers(msgspec.Struct, gc=False):
    cna: _Container | None = None
    adp: list[_Container] | None = None


class _Metadata(msgspec.Struct, rename="camel", gc=False):
    cve_id: str
    state: str = ""
    date_published: str | None = None


class _Cve(msgspec.Struct, rename="camel", gc=False):
    cve_metadata: _Metadata
    containers: _Containers


_CVE = msgspec.json.Decoder(_Cve)


def _accepts(document: Document) -> bool:
    return {"containers", "cveMetadata"} <= document.keys


@decoder(accepts=_accepts, label="CVE")
def cve5(document: Document, limits: Limits) -> Iterator[Record]:
    """Scores (`CNA`, `ADP:name`), weaknesses and the day of publication; a rejected id says that it is."""
    del limits
    try:
        record = _CVE.decode(document.data)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        yield Damaged(document.name, "nested too deeply" if isinstance(error, RecursionError) else str(error))
        return
    if cve_key(record.cve_metadata.cve_id) is None:
        yield Left("no-id")
        return
    if record.cve_metadata.state.upper() == "REJECTED":
        yield CveFacts(id=record.cve_metadata.cve_id, rejected=True)
        return
    parts = [("CNA", record.containers.cna)] if record.containers.cna else []
    parts += [(_adp(one), one) for one in record.containers.adp or ()]
    yield CveFacts(
        id=record.cve_metadata.cve_id,
        scores=tuple(dict.fromkeys(score for source, one in parts for score in _scores(source, one))),
        published=day(record.cve_metadata.date_published),
        cwes=_weaknesses(one for _, one in parts),
    )


def _adp(one: _Container) -> str:
    return f"ADP:{(one.provider_metadata.short_name if one.provider_metadata else None) or 'unknown'}"


def _scores(source: str, one: _Container) -> Iterator[Score]:
    for metric in one.metrics or ():
        for system, cvss in (
            ("CVSS_V4", metric.v4),
            ("CVSS_V3", metric.v31),
            ("CVSS_V3", metric.v30),
            ("CVSS_V2", metric.v2),
        ):
            if cvss is not None and cvss.vector_string:
                yield cvss_score(source, system, cvss.vector_string)


def _weaknesses(parts: Iterator[_Container]) -> tuple[str, ...]:
    found = (
        text.cwe_id
        for one in parts
        for problem in one.problem_types or ()
        for text in problem.descriptions or ()
        if text.cwe_id and text.cwe_id.startswith("CWE-")
    )
    return tuple(dict.fromkeys(found))
