"""CycloneDX 1.6 (ECMA-424) as JSON: what is inside, which layer brought it, what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from thwart.core.advisory import Severity
from thwart.reports import Judged, RenderOptions, output
from thwart.reports._identity import Keys, image_purl, instant
from thwart.reports._json import content_uuid, dump
from thwart.reports._licences import Licence, licences_of
from thwart.reports._links import advisory_address, weakness
from thwart.reports._plain import clean
from thwart.reports._view import View

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from thwart.core.advisory import Score
    from thwart.core.finding import Finding, Suppressed
    from thwart.core.package import Location, Package, Release

_KINDS = {"image": "container", "rootfs": "platform"}
_SCOPES = {"dev": "excluded", "test": "excluded", "optional": "optional"}
_SEVERITIES = {
    Severity.CRITICAL: "critical",
    Severity.HIGH: "high",
    Severity.MEDIUM: "medium",
    Severity.LOW: "low",
    Severity.NEGLIGIBLE: "info",
    Severity.UNKNOWN: "unknown",
}
_STATES = {"vex": "not_affected", "distribution": "not_affected", "vendor": "not_affected"}
_UNAFFECTED = frozenset({"not_affected", "resolved"})
_ANALYSES = {
    "fixed": "resolved",
    "not_affected": "not_affected",
    "affected": "exploitable",
    "under_investigation": "in_triage",
}
_JUSTIFICATIONS = {
    "component_not_present": "code_not_present",
    "vulnerable_code_not_present": "code_not_present",
    "vulnerable_code_not_in_execute_path": "code_not_reachable",
    "inline_mitigations_already_exist": "protected_by_mitigating_control",
}
LONGEST_VERSION = 1024  # schema, `version`

Object = dict[str, Any]


@output("application/vnd.cyclonedx+json; version=1.6", ".cdx.json")
def cyclonedx(reports: Sequence[Judged], options: RenderOptions) -> bytes:
    """One bill of materials. Of several reports, each asset is a component that holds its own."""
    bills = [_Bill(View(report, verdict), options, f"{index}/") for index, (report, verdict) in enumerate(reports)]
    if len(bills) == 1:
        bills = [_Bill(bills[0].view, options, "")]
        top, components = bills[0].asset(), bills[0].components()
    else:
        top = {"bom-ref": "scan", "type": "application", "name": "scan of several assets"}
        components = [bill.asset() | {"components": bill.components()} for bill in bills]
    first = bills[0].view.report
    document: Object = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": _metadata(first.created, first.tool_version, top, [bill.view for bill in bills]),
        "components": components,
        "dependencies": [*_root(top, bills), *(bill.dependency() for bill in bills)],
    }
    incomplete = [bill.root for bill in bills if bill.view.report.incomplete]
    if incomplete:
        document["compositions"] = [{"aggregate": "incomplete", "assemblies": incomplete}]
    if not options.packages_only:
        document["vulnerabilities"] = [entry for bill in bills for entry in bill.vulnerabilities()]
    ordered = {"$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json", "bomFormat": "CycloneDX"}
    return dump(ordered | {"serialNumber": f"urn:uuid:{content_uuid(document)}"} | document)


def _root(top: Object, bills: Sequence[_Bill]) -> list[Object]:
    return [{"ref": top["bom-ref"], "dependsOn": [bill.root for bill in bills]}] if len(bills) > 1 else []


def _metadata(created: str, version: str, top: Object, views: Sequence[View]) -> Object:
    tool = {"type": "application", "name": "thwart", "version": clean(version)}
    facts = [fact for view in views for fact in _report_facts(view)]
    metadata: Object = {"tools": {"components": [tool]}, "component": top, "properties": facts}
    stamp = instant(created)
    return ({"timestamp": stamp} if stamp else {}) | metadata


def _report_facts(view: View) -> list[dict[str, str]]:
    """What a reader of the bill must know to judge it: what was not read, how old the data is, what the gate says."""
    report = view.report
    said = [f"{diagnostic.slug}: {diagnostic.message}" for diagnostic in report.diagnostics]
    return [
        *_properties({"incomplete": "true" if report.incomplete else "false", "verdict": view.verdict.decision}),
        *_properties({"database:built": report.database.built} if report.database else {}),
        *({"name": "thwart:diagnostic", "value": clean(text)} for text in said),
    ]


class _Bill:
    """One report's part of the document; references begin with `prefix`, to be unique in it."""

    def __init__(self, view: View, options: RenderOptions, prefix: str) -> None:
        self.view = view
        self.prefix = prefix
        self.root = f"{prefix}asset"
        self.keys = Keys(view.report.packages, clean)
        if not options.packages_only:
            named = [*view.report.findings, *(item.finding for item in view.report.suppressed)]
            for finding in named:
                if finding.package is not None:
                    self.keys.of(finding.package)
        self.packages = [*zip(self.keys.listed, view.report.packages, strict=True), *self.keys.others.items()]
        self.system = f"{prefix}os" if view.report.release else ""

    def ref(self, package: Package) -> str:
        return self.prefix + self.keys.of(package)

    def asset(self) -> Object:
        asset = self.view.report.asset
        purl = image_purl(asset)
        component: Object = {
            "bom-ref": self.root,
            "type": _KINDS.get(asset.kind, "application"),
            "name": clean(asset.name) or "unnamed",
        }
        if asset.digest:
            component["version"] = clean(asset.digest)
        if purl:
            component["purl"] = purl
        facts = {"imageId": asset.image_id, "platform": asset.platform, "kind": asset.kind, "created": asset.created}
        labels = {f"label:{name}": value for name, value in asset.labels}
        return component | {"properties": _properties(facts | labels)}

    def components(self) -> list[Object]:
        release = self.view.report.release
        system = [_system(release, self.system)] if release else []
        return system + [self.component(self.prefix + key, package) for key, package in self.packages]

    def component(self, ref: str, package: Package) -> Object:
        grouped = package.full_name != package.name
        component: Object = {
            "bom-ref": ref,
            "type": "library",
            "name": clean(package.name) or "unnamed",
        }
        optional: Object = {
            "group": clean(package.namespace) if grouped else "",
            "version": clean(package.version)[:LONGEST_VERSION],
            "supplier": {"name": clean(package.vendor)} if package.vendor.strip() else None,
            "scope": _SCOPES.get(package.scope),
            "licenses": _licence_choice(licences_of(package)),
            "purl": package.purl if package.purl.startswith("pkg:") and package.purl.isprintable() else "",
            "evidence": _evidence(package.locations),
            "properties": _properties(self.facts(package)),
        }
        return component | {name: value for name, value in optional.items() if value}

    def facts(self, package: Package) -> dict[str, str]:
        layer = self.view.layers.get(package.layer)
        return {
            "layer": package.layer,
            "layer:digest": layer.digest if layer else "",
            "layer:index": str(layer.index) if layer else "",
            "layer:createdBy": self.view.history_of(package.layer),
            "source": package.source,
            "sourceVersion": package.source_version,
            "ecosystem": package.ecosystem,
            "module": package.module,
            "owner": package.owner,
            "cataloger": package.cataloger,
            "confidence": package.confidence,
        }

    def dependency(self) -> Object:
        inside = [*([self.system] if self.system else []), *(self.prefix + key for key, _ in self.packages)]
        return {"ref": self.root, "dependsOn": inside}

    def vulnerabilities(self) -> list[Object]:
        """One entry per advisory and judgement; the packages that it affects are joined."""
        report = self.view.report
        stated: list[tuple[Finding, Suppressed | None]] = [(finding, None) for finding in report.findings]
        stated += [(item.finding, item) for item in report.suppressed]
        joined: dict[tuple[Any, ...], list[tuple[Finding, Suppressed | None]]] = {}
        for finding, item in stated:
            judged = (item.by, item.reason, item.owner, item.expires, item.status, item.justification) if item else ()
            key = (finding.id, finding.severity, finding.score, finding.scores, *judged)
            joined.setdefault(key, []).append((finding, item))
        return [self.vulnerability(f"{self.prefix}finding-{n}", found) for n, found in enumerate(joined.values(), 1)]

    def vulnerability(self, ref: str, found: Sequence[tuple[Finding, Suppressed | None]]) -> Object:
        finding, item = found[0]
        findings = [finding for finding, _ in found]
        fixes = dict.fromkeys(clean(finding.fix.title) for finding in findings if finding.fix)
        entry: Object = {"bom-ref": ref, "id": clean(finding.id), "ratings": _ratings(finding)}
        address = advisory_address(finding.id)
        addresses = (advisory_address(name) for name in dict.fromkeys(finding.advisories))
        optional: Object = {
            "source": {"url": address} if address else None,
            "references": [
                {"id": clean(name), "source": {"url": advisory_address(name)}}
                for name in dict.fromkeys(finding.aliases)
                if advisory_address(name)
            ],
            "cwes": [number for number in map(weakness, finding.cwes) if number],
            "description": clean(finding.message),
            "recommendation": "; ".join(fixes),
            "advisories": [{"url": url} for url in dict.fromkeys(addresses) if url],
            "published": instant(finding.published),
            "affects": self.affects(findings, "unaffected" if item and _state(item) in _UNAFFECTED else "affected"),
            "analysis": _analysis(item) if item else None,
            "properties": _properties(_finding_facts(finding)),
        }
        return entry | {name: value for name, value in optional.items() if value}

    def affects(self, findings: Iterable[Finding], status: str) -> list[Object]:
        affected: dict[str, Object] = {}
        for finding in findings:
            if finding.package is None:
                affected[self.root] = {"ref": self.root}
                continue
            ref = self.ref(finding.package)
            version = clean(finding.package.version)[:LONGEST_VERSION]
            affected[ref] = {"ref": ref} | ({"versions": [{"version": version, "status": status}]} if version else {})
        return list(affected.values())


def _system(release: Release, ref: str) -> Object:
    component: Object = {"bom-ref": ref, "type": "operating-system", "name": clean(release.id) or "unnamed"}
    optional = {"version": clean(release.version)[:LONGEST_VERSION], "description": clean(release.name)}
    facts = {"codename": release.codename, "ecosystem": release.ecosystem, "variant": release.variant}
    return component | {k: v for k, v in optional.items() if v} | {"properties": _properties(facts)}


def _licence_choice(stated: Sequence[Licence]) -> list[Object]:
    """Either a list of licences or exactly one expression (schema, `licenseChoice`)."""
    if len(stated) == 1 and stated[0].kind == "expression":
        return [{"expression": stated[0].text, "acknowledgement": "declared"}]
    return [
        {"license": {"id" if item.kind == "id" else "name": clean(item.text), "acknowledgement": "declared"}}
        for item in stated
    ]


def _evidence(places: Sequence[Location]) -> Object:
    found = []
    for place in places:
        if place.path:
            line = {"line": place.line} if place.line > 0 else {}
            found.append({"location": clean(place.path)} | line)
    return {"occurrences": found} if found else {}


def _ratings(finding: Finding) -> list[Object]:
    """The deciding score first, with our severity; then what others say."""
    deciding: Object = {"severity": _SEVERITIES[finding.severity]}
    if finding.score is not None:
        deciding = _rating(finding.score) | deciding
    others = [_rating(score) for score in finding.scores if score != finding.score]
    return [deciding, *others]


def _rating(score: Score) -> Object:
    rating: Object = {"severity": _SEVERITIES[score.severity], "method": _method(score)}
    if score.source.strip():
        rating["source"] = {"name": clean(score.source)}
    if score.score >= 0:
        rating |= {"score": score.score, "vector": clean(score.vector)}
    return rating


def _method(score: Score) -> str:
    if score.system == "CVSS_V3":
        return "CVSSv31" if score.vector.startswith("CVSS:3.1/") else "CVSSv3"
    return {"CVSS_V2": "CVSSv2", "CVSS_V4": "CVSSv4"}.get(score.system, "other")


def _analysis(item: Suppressed) -> Object:
    """Why it does not count. Accepting a risk is not a statement that there is none: that stays `in_triage`."""
    said = [f"by {item.by}: {item.reason}"]
    said += [f"owner {item.owner}"] if item.owner else []
    said += [f"until {item.expires}"] if item.expires else []
    analysis = {"state": _state(item), "detail": clean("; ".join(said))}
    label = _JUSTIFICATIONS.get(item.justification)
    return analysis | ({"justification": label} if label and analysis["state"] == "not_affected" else {})


def _state(item: Suppressed) -> str:
    """VEX's word where somebody said it; else what the kind of suppression says."""
    return _ANALYSES.get(item.status) or _STATES.get(item.by, "in_triage")


def _finding_facts(finding: Finding) -> dict[str, str]:
    return {
        "state": finding.state,
        "status": finding.status,
        "priority": f"{finding.priority:g}",
        "epss": "" if finding.epss is None else f"{finding.epss:g}",
        "epss:percentile": "" if finding.percentile is None else f"{finding.percentile:g}",
        "kev:added": finding.kev.added if finding.kev else "",
        "kev:ransomware": "true" if finding.kev and finding.kev.ransomware else "",
        "fingerprint": finding.fingerprint,
    }


def _properties(facts: dict[str, str]) -> list[dict[str, str]]:
    return [{"name": f"thwart:{clean(name)}", "value": clean(value)} for name, value in facts.items() if value]
