"""OpenVEX 0.2.0: a status of each vulnerability in the asset. It says no more than somebody found out or said."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from thwart.core.vex import AFFECTED, FIXED, JUSTIFICATIONS, NOT_AFFECTED, UNDER_INVESTIGATION
from thwart.reports import Judged, RenderOptions, output
from thwart.reports._identity import image_purl, instant
from thwart.reports._json import dump
from thwart.reports._links import advisory_address
from thwart.reports._plain import clean, clip
from thwart.reports._view import state_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from thwart.core.finding import Finding, Suppressed
    from thwart.core.package import Package
    from thwart.core.report import Asset, Report

NAMESPACE = "https://openvex.dev/ns/v0.2.0"
_DOCUMENTS = "https://openvex.dev/docs/public/vex-"
_AUTHOR = "Thwart"
_EPOCH = "1970-01-01T00:00:00Z"
_SHOWN = 3
_LONGEST = 200  # characters of one message

Object = dict[str, Any]


class _Said(NamedTuple):
    """A status, and whichever of the other fields goes with it."""

    status: str
    justification: str = ""
    impact: str = ""
    action: str = ""
    notes: str = ""


@output("application/vnd.openvex+json", ".openvex.json")
def openvex(reports: Sequence[Judged], options: RenderOptions) -> bytes:
    """One document for all reports; the image is the product and the package a part of it, or the package is the product.

    Findings of rules and notices (unmaintained, unsound) are no vulnerabilities and are not in it. What an exception, a
    comment or a baseline set aside is `affected`: to accept a risk is no word on whether there is one.
    """
    times = [instant(report.created) for report, _ in reports]
    issued = max(times) or _EPOCH
    statements: dict[tuple[object, ...], Object] = {}
    for (report, _), time in zip(reports, times, strict=True):
        for finding, said in () if options.packages_only else _judged(report):
            _state(statements, report.asset, finding, said, time if time != issued else "")
    found = [one | {"products": _products(one["products"])} for one in statements.values()]
    document = {
        "@context": NAMESPACE,
        "@id": "",
        "author": _AUTHOR,
        "role": "Scanner",
        "timestamp": issued,
        "version": 1,
        "tooling": "; ".join((clean(f"thwart {reports[0][0].tool_version}"), *_gaps([one for one, _ in reports]))),
        "statements": found,
    }
    return dump(document | {"@id": _DOCUMENTS + _canonical_hash(issued, found)})


def _gaps(reports: Sequence[Report]) -> list[str]:
    """What is missing, in the one field of the format that tells how the statements came about."""
    gaps = [one.message for report in reports for one in report.diagnostics if one.incomplete]
    more = [f"incomplete for {len(gaps) - _SHOWN} more reasons"] if len(gaps) > _SHOWN else []
    return [*(f"incomplete: {clip(one, _LONGEST)}" for one in gaps[:_SHOWN]), *more]


def _judged(report: Report) -> Iterator[tuple[Finding, _Said]]:
    stated = [(finding, _active(finding)) for finding in report.findings]
    stated += [(item.finding, _set_aside(item)) for item in report.suppressed]
    return ((finding, said) for finding, said in stated if finding.kind == "vulnerability" and finding.package)


def _active(finding: Finding, notes: str = "") -> _Said:
    """`affected` needs a statement on what to do; where the vendor itself is still finding out, nobody is sure."""
    if finding.fix is not None and finding.fix.version:
        paid = " (needs a subscription)" if finding.fix.paid else ""
        return _Said(AFFECTED, action=f"{finding.fix.title}{paid}", notes=notes)
    if finding.state == "unknown":
        return _Said(UNDER_INVESTIGATION, notes=notes or state_of(finding))
    return _Said(AFFECTED, action=f"There is no upgrade that closes it: {state_of(finding)}", notes=notes)


def _set_aside(item: Suppressed) -> _Said:
    if item.by == "baseline":
        return _active(item.finding, "it was there before, in a baseline")
    if item.by in ("inline", "exception"):
        until = f", until {item.expires}" if item.expires else ""
        accepted = f"The risk is accepted{until}{f' ({item.owner})' if item.owner else ''}: {item.reason}"
        fix = item.finding.fix
        return _Said(AFFECTED, action=f"{accepted}; {fix.title} closes it" if fix else accepted)
    if item.status == NOT_AFFECTED and item.justification in JUSTIFICATIONS:
        return _Said(NOT_AFFECTED, justification=item.justification, notes=item.reason)
    if item.status == NOT_AFFECTED:
        return _Said(NOT_AFFECTED, impact=item.reason)
    if item.status == FIXED:
        return _Said(FIXED, notes=item.reason)
    if item.status == AFFECTED:
        return _active(item.finding, item.reason)
    return _Said(UNDER_INVESTIGATION, notes=item.reason)


def _state(
    statements: dict[tuple[object, ...], Object], asset: Asset, finding: Finding, said: _Said, time: str
) -> None:
    """Add to the statement that says the same of the same vulnerability, or begin one."""
    name = clean(finding.id)
    aliases = tuple(sorted({clean(alias) for alias in finding.aliases} - {name}))
    statement = statements.setdefault((name, aliases, said, time), _statement(name, aliases, said, time))
    whole, part = _asset(asset), _component(_purl(finding.package))
    if whole is None:
        statement["products"].setdefault(part["@id"], (part, {}))
    else:
        statement["products"].setdefault(whole["@id"], (whole, {}))[1][part["@id"]] = part


def _products(named: dict[str, tuple[Object, dict[str, Object]]]) -> list[Object]:
    return [whole | ({"subcomponents": list(parts.values())} if parts else {}) for whole, parts in named.values()]


def _statement(name: str, aliases: tuple[str, ...], said: _Said, time: str) -> Object:
    address = advisory_address(name)
    vulnerability = {"@id": address, "name": name, "aliases": list(aliases)}
    fields = {
        "vulnerability": {key: value for key, value in vulnerability.items() if value},
        "timestamp": time,
        "products": {},  # by identifier, with their parts by identifier
        "status": said.status,
        "status_notes": clean(said.notes),
        "justification": said.justification,
        "impact_statement": clean(said.impact),
        "action_statement": clean(said.action),
    }
    return {key: value for key, value in fields.items() if value or key == "products"}


def _asset(asset: Asset) -> Object | None:
    """The image, by its package URL or its digest; None for what has no name that others know."""
    purl = image_purl(asset)
    kind, _, value = asset.digest.partition(":")
    if asset.kind != "image" or (not purl and kind != "sha256"):
        return None
    product = _component(purl or f"urn:thwart:image:{quote(asset.digest)}")
    return product | ({"hashes": {"sha-256": value}} if kind == "sha256" and value.isalnum() else {})


def _component(identifier: str) -> Object:
    return {"@id": identifier} | ({"identifiers": {"purl": identifier}} if identifier.startswith("pkg:") else {})


def _purl(package: Package | None) -> str:
    if package is None:
        return ""
    if package.purl.startswith("pkg:") and package.purl.isprintable():
        return package.purl
    named = clean(f"{package.type}/{package.full_name}@{package.version}")
    return f"urn:thwart:package:{quote(named)}"


def _canonical_hash(issued: str, statements: Sequence[Object]) -> str:
    """What the statements say, whatever else is around them: the canonicalisation of openvex/go-vex, `CanonicalHash`."""
    ordered = sorted(statements, key=lambda one: (one["vulnerability"]["name"], one.get("timestamp", issued)))
    parts = [f"{_seconds(issued)}:1:{_AUTHOR}"]
    for one in ordered:
        vulnerability = one["vulnerability"]
        aliases = ":".join(sorted(vulnerability.get("aliases", ())))
        products = sorted(
            "".join(_spelled(each) for each in (product, *product.get("subcomponents", ())))
            for product in one["products"]
        )
        parts.append(f":{vulnerability.get('@id', '')}:{vulnerability['name']}:{aliases}")
        parts.append(f":{one['status']}:{one.get('justification', '')}:{_seconds(one.get('timestamp', issued))}")
        parts.append(":".join(products))
    return hashlib.sha256("".join(parts).encode()).hexdigest()


def _spelled(component: Object) -> str:
    hashes = "".join(f":{kind}@{value}" for kind, value in component.get("hashes", {}).items())
    named = "".join(f":{kind}@{value}" for kind, value in component.get("identifiers", {}).items())
    return f":{component['@id']}{hashes}{named}"


def _seconds(time: str) -> int:
    return int(datetime.fromisoformat(time).timestamp())
