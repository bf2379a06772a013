"""Attest: a predicate, given or made from a scan or from the build, signed and put beside its image."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from thwart.api._files import read_file
from thwart.api._scan import ScanOptions, scan
from thwart.api._sign import Place, Signed, done, find, kind_of, put_bundle, put_layer
from thwart.core.errors import ParseError, SourceError, UsageError
from thwart.core.limits import DEFAULT, MIB, Limits
from thwart.core.report import Policy, Report
from thwart.lib import json_bounded
from thwart.lib.documents import DocumentError
from thwart.sources import OpenOptions
from thwart.trust import signing
from thwart.trust._signing_predicates import provenance, scanned, type_of, wrapped
from thwart.trust.signing import Signer

SBOMS = ("cyclonedx", "spdx")
LAYOUTS = ("legacy", "bundle")
_LARGEST = 16 * MIB
_CUSTOM = type_of("custom")


class Attested(Struct, frozen=True, kw_only=True):
    """What to state: a predicate's type (a word of cosign's, or a URI) and the predicate itself."""

    type: str
    predicate: object


class AttestOptions(Struct, frozen=True, kw_only=True):
    """How to attest. Made here, besides what is given: `sbom` in a format of `SBOMS`, `vulnerabilities`, `vex`
    (OpenVEX, from the saved report in the file `saved` where one is named, else from a scan), `provenance`.

    `environment` is the build's, read for the provenance alone. `scan` says how to scan.
    """

    given: tuple[Attested, ...] = ()
    sbom: str = ""
    vulnerabilities: bool = False
    vex: bool = False
    saved: Path | None = None
    provenance: bool = False
    layout: str = "legacy"
    environment: Mapping[str, str] = field(default_factory=dict)
    source: OpenOptions = field(default_factory=OpenOptions)
    scan: ScanOptions = field(default_factory=ScanOptions)
    limits: Limits = DEFAULT
    now: datetime | None = None


def attest(target: str, signer: Signer, options: AttestOptions) -> list[Signed]:
    """State something of an image and sign that.

    Raises:
        SourceError: it cannot be resolved, read or written; TrustError: the key cannot sign, a variable of the build lacks;
        UsageError: there is nothing to state.
    """
    if options.layout not in LAYOUTS:
        raise UsageError(f"there is no layout {options.layout!r}", f"choose one of {', '.join(LAYOUTS)}")
    kind, name = kind_of(target)
    if kind == "file":
        raise UsageError(f"{target} is a file, and attestations are of images", "sign files: thwart sign FILE")
    now = options.now or datetime.now(UTC)
    stated = [replace(one, type=type_of(one.type)) for one in options.given]
    if options.provenance:  # before anything is fetched: what lacks, lacks at once
        stated.append(Attested(type=type_of("slsaprovenance1"), predicate=provenance(options.environment, now)))
    place = find(kind, name, options.source, options.limits)
    if options.vex and options.saved is not None:
        stated.append(_exploitability(_saved(options.saved, place.subject.digest)))
        options = replace(options, vex=False)
    stated += _scanned(place, kind, name, options)
    if not stated:
        raise UsageError("nothing is said that could be attested", "name --predicate FILE --type TYPE, or --sbom")
    return [_put(place, one, signer, options.layout, now) for one in stated]


def read_predicate(path: Path, word: str, now: datetime | None = None) -> Attested:
    """A predicate in a file; of the type `custom`, any text.

    Raises:
        SourceError: it cannot be read; UsageError: it is not the JSON that its type needs.
    """
    kind = type_of(word)
    data = read_file(path, _LARGEST)
    if kind == _CUSTOM:
        return Attested(type=kind, predicate=wrapped(data.decode("utf-8", "replace"), now or datetime.now(UTC)))
    try:
        predicate = json_bounded.load(data, max_bytes=_LARGEST, max_depth=64, max_items=1_000_000)
    except DocumentError as error:
        if word == "spdx":  # cosign's word for SPDX in its tag-value form, which is one text
            return Attested(type=kind, predicate=data.decode("utf-8", "replace"))
        raise UsageError(f"{path} is not JSON, as a predicate of this type is: {error.reason}") from None
    if not isinstance(predicate, dict):
        raise UsageError(f"{path} is not a JSON object, as a predicate is")
    return Attested(type=kind, predicate=predicate)


def _scanned(place: Place, kind: str, name: str, options: AttestOptions) -> list[Attested]:
    """Predicates from a scan of exactly the digest that is attested."""
    if not (options.sbom or options.vulnerabilities or options.vex):
        return []
    if options.sbom and options.sbom not in SBOMS:
        raise UsageError(f"there is no bill of materials {options.sbom!r}", f"choose one of {', '.join(SBOMS)}")
    digest = place.subject.digest
    target = f"image:{place.subject.name}@{digest}" if kind == "image" else f"oci:{_folder(name)}:{digest}"
    begun = datetime.now(UTC)
    whole = replace(options.scan, source=options.source, packages_only=not (options.vulnerabilities or options.vex))
    report = _complete(scan(target, whole))
    ended = datetime.now(UTC)
    made = []
    if options.sbom:
        word = {"spdx": "spdxjson"}.get(options.sbom, options.sbom)
        made.append(Attested(type=type_of(word), predicate=_document(options.sbom, report, packages_only=True)))
    if options.vulnerabilities:
        made.append(Attested(type=type_of("vuln"), predicate=_vulnerabilities(report, begun, ended)))
    if options.vex:
        made.append(_exploitability(report))
    return made


def _complete(report: Report) -> Report:
    """The report, if nothing lacks that a reader of the attestation would take for looked at."""
    if report.incomplete:
        first = next(one.message for one in report.diagnostics if one.incomplete)
        raise SourceError(f"the scan of {report.asset.digest} is incomplete, and is not attested: {first}")
    return report


def _saved(path: Path, digest: str) -> Report:
    """The report in a file, with what was set aside in it, if it is of the digest that is attested."""
    from thwart.reports.json_v1 import read_all

    try:
        reports = [report for report, _ in read_all(read_file(path, DEFAULT.file_bytes))]
    except ParseError as error:
        raise UsageError(f"{path} is no report: {error.reason}", "write one: thwart scan IMAGE -o json=FILE") from None
    found = next((report for report in reports if report.asset.digest == digest), None)
    if found is None:
        raise UsageError(
            f"{path} has no report of {digest}", f"scan exactly that: thwart scan NAME@{digest} -o json=FILE"
        )
    return _complete(found)


def _exploitability(report: Report) -> Attested:
    from thwart.reports.openvex import NAMESPACE

    if report.database is None:
        raise SourceError("the scan knew no advisories, and is not attested", "see: thwart db show")
    return Attested(type=NAMESPACE, predicate=_document("openvex", report))


def _folder(name: str) -> Path:
    from thwart.sources.detect import split_path

    return split_path(name)[0]


def _vulnerabilities(report: Report, begun: datetime, ended: datetime) -> dict[str, Any]:
    database = report.database
    if database is None:
        raise SourceError("the scan knew no advisories, and is not attested", "see: thwart db show")
    origin = f"urn:thwart:database:schema:{database.schema}"
    return scanned(report.tool_version, (origin, database.built), _document("json-v1", report), begun, ended)


def _document(form: str, report: Report, *, packages_only: bool = False) -> Any:  # noqa: ANN401 - JSON
    """A report in one of the output formats, parsed."""
    from thwart.api import decide, write
    from thwart.reports import RenderOptions

    judged = decide(report, Policy(fail_on="none", on_incomplete="warn"))
    return json.loads(write(form, [judged], RenderOptions(packages_only=packages_only)))


def _put(place: Place, stated: Attested, signer: Signer, layout: str, now: datetime) -> Signed:
    body = signing.statement(place.subject, stated.type, stated.predicate)
    legacy = layout == "legacy"
    pieces = place.evidence(place.subject.digest).pieces
    fresh = not signing.said_before(pieces, body, signer, "dsse" if legacy else "bundle")
    where = ""
    if fresh and legacy:
        where = put_layer(place, "att", signing.attestation_layer(body, stated.type, signer))
    elif fresh:
        where = put_bundle(place, signing.statement_bundle(body, signer), stated.type, now)
    return replace(done(place, signer, layout, where, fresh=fresh), notes=(f"it states {stated.type}",))
