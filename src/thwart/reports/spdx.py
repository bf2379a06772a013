"""SPDX 2.3 (ISO/IEC 5962 and its successor) as JSON: the packages of each asset, their licences and identifiers."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

from thwart.reports import Judged, RenderOptions, output
from thwart.reports._identity import Keys, image_purl, instant
from thwart.reports._json import content_uuid, dump
from thwart.reports._licences import licences_of
from thwart.reports._links import advisory_address
from thwart.reports._plain import clean
from thwart.reports._view import View

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from thwart.core.finding import Finding
    from thwart.core.package import Package, Release
    from thwart.core.report import Asset

DOCUMENT = "SPDXRef-DOCUMENT"
NOTHING = "NOASSERTION"
EPOCH = "1970-01-01T00:00:00Z"  # when a report does not say when it was made: `created` is mandatory (6.9)
# 6.5: who has no site of their own may use this one; it need not lead anywhere.
NAMESPACE = "https://spdx.org/spdxdocs/thwart"

_PURPOSES = {"image": "CONTAINER"}
_UNFIT = re.compile(r"[^A-Za-z0-9.-]+")

Object = dict[str, Any]


@output("application/spdx+json; version=2.3", ".spdx.json")
def spdx(reports: Sequence[Judged], options: RenderOptions) -> bytes:
    """One document that describes each asset and says which packages it contains."""
    refs = _LicenceRefs()
    parts = [_Part(View(*judged), options, refs, number) for number, judged in enumerate(reports)]
    packages = [package for part in parts for package in part.packages()]
    first = parts[0].view.report
    document: Object = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": DOCUMENT,
        "name": _line(first.asset.name) if len(parts) == 1 else f"scan of {len(parts)} assets",
        "creationInfo": {
            "created": instant(first.created) or EPOCH,
            "creators": [f"Tool: thwart-{_line(first.tool_version)}"],
            "licenseListVersion": "3.28",
        },
        "packages": packages,
        "relationships": [relation for part in parts for relation in part.relationships()],
    }
    said = [text for part in parts for text in part.remarks()]
    optional = {"comment": "\n".join(said), "hasExtractedLicensingInfos": refs.infos()}
    document |= {name: value for name, value in optional.items() if value}
    name = _slug(first.asset.name)[:64] if len(parts) == 1 else "several"
    return dump(document | {"documentNamespace": f"{NAMESPACE}/{name}-{content_uuid(document)}"})


class _LicenceRefs:
    """Licences that are not on the SPDX list, and what this document calls them (clause 10)."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def of(self, stated: str) -> str:
        digest = hashlib.sha256(stated.encode("utf-8", "surrogatepass")).hexdigest()[:12]
        ref = f"LicenseRef-{_slug(stated)[:40]}-{digest}"
        self._texts[ref] = stated
        return ref

    def infos(self) -> list[Object]:
        return [
            {
                "licenseId": ref,
                "name": _line(stated)[:200],
                "extractedText": clean(stated),
                "comment": "What the package's metadata says of its licence; the text itself was not read.",
            }
            for ref, stated in sorted(self._texts.items())
        ]


class _Part:
    """One report's packages and relationships; `number` keeps the identifiers of several reports apart."""

    def __init__(self, view: View, options: RenderOptions, refs: _LicenceRefs, number: int) -> None:
        self.view = view
        self.refs = refs
        self.number = number
        self.keys = Keys(view.report.packages, clean)
        self.root = f"SPDXRef-Asset-{number}-{_slug(view.report.asset.name)[:64]}"
        self.system = f"SPDXRef-OperatingSystem-{number}"
        self.known: dict[str, list[Finding]] = {}
        for finding in () if options.packages_only else view.report.findings:
            if finding.package is not None:
                self.known.setdefault(self.keys.of(finding.package), []).append(finding)

    def packages(self) -> list[Object]:
        report = self.view.report
        system = [self.release(report.release)] if report.release else []
        return [self.asset(report.asset), *system, *map(self.package, self.keys.listed, report.packages)]

    def asset(self, asset: Asset) -> Object:
        purl = image_purl(asset)
        fields: Object = {
            "versionInfo": _line(asset.digest),
            "primaryPackagePurpose": _PURPOSES.get(asset.kind, "APPLICATION"),
            "externalRefs": [_purl(purl)] if purl else [],
        }
        algorithm, _, value = asset.digest.partition(":")
        if purl and algorithm in ("sha256", "sha384", "sha512"):
            fields["checksums"] = [{"algorithm": algorithm.upper(), "checksumValue": value}]
        return _package(self.root, asset.name, fields)

    def release(self, release: Release) -> Object:
        fields = {
            "versionInfo": _line(release.version),
            "summary": _line(release.name),
            "primaryPackagePurpose": "OPERATING_SYSTEM",
        }
        return _package(self.system, release.id, fields)

    def package(self, key: str, package: Package) -> Object:
        purl = [_purl(package.purl)] if package.purl.startswith("pkg:") and _LOCATOR.fullmatch(package.purl) else []
        fields: Object = {
            "versionInfo": _line(package.version),
            "supplier": f"Organization: {_actor(package.vendor)}" if _actor(package.vendor) else NOTHING,
            "sourceInfo": self.source(package),
            "licenseDeclared": self.licence(package),
            "primaryPackagePurpose": "LIBRARY",
            "externalRefs": purl + list(self.advisories(key)),
        }
        return _package(self.ref(key, package), package.full_name, fields)

    def ref(self, key: str, package: Package) -> str:
        digest = hashlib.sha256(f"{self.number}/{key}".encode()).hexdigest()
        name = _slug(f"{package.type}-{package.full_name}")[:80]
        return f"SPDXRef-Package-{name}-{digest[:16]}"

    def source(self, package: Package) -> str:
        said = [f"found in {place.path}" for place in package.locations[:8] if place.path]
        layer = self.view.layer_of(package.layer)
        if layer:
            history = self.view.history_of(package.layer)
            said.append(f"brought by {layer}{f' ({history})' if history else ''}")
        if package.source and package.source != package.name:
            said.append(f"built from {package.source} {package.source_version}".rstrip())
        return _line("; ".join(said))

    def licence(self, package: Package) -> str:
        """An expression in which all that the package states holds at once (Annex D)."""
        stated = licences_of(package)
        if not stated:
            return NOTHING
        if len(stated) == 1 and stated[0].kind != "name":
            return stated[0].text
        terms = [self.refs.of(item.text) if item.kind == "name" else item.text for item in stated]
        several = len(terms) > 1
        return " AND ".join(f"({term})" if several and " OR " in term else term for term in terms)

    def advisories(self, key: str) -> Iterator[Object]:
        for finding in self.known.get(key, ()):
            address = advisory_address(finding.id)
            if address:
                fix = f", {finding.fix.title}" if finding.fix else ""
                yield {
                    "referenceCategory": "SECURITY",
                    "referenceType": "advisory",
                    "referenceLocator": address,
                    "comment": _line(f"{finding.id}, {finding.severity.word}{fix}"),
                }

    def relationships(self) -> list[Object]:
        inside = [self.system] if self.view.report.release else []
        inside += map(self.ref, self.keys.listed, self.view.report.packages)
        return [_relation(DOCUMENT, "DESCRIBES", self.root), *(_relation(self.root, "CONTAINS", ref) for ref in inside)]

    def remarks(self) -> Iterator[str]:
        """What a reader must know to judge the list: what was not read."""
        for diagnostic in self.view.report.diagnostics:
            word = "Incomplete" if diagnostic.incomplete else "Note"
            place = f" ({diagnostic.path})" if diagnostic.path else ""
            yield _line(f"{word} [{diagnostic.slug}]: {diagnostic.message}{place}")


def _package(ref: str, name: str, fields: Object) -> Object:
    fixed: Object = {
        "SPDXID": ref,
        "name": _line(name) or "unnamed",
        "downloadLocation": NOTHING,
        "filesAnalyzed": False,
        "licenseConcluded": NOTHING,
        "licenseDeclared": NOTHING,
        "copyrightText": NOTHING,
    }
    return fixed | {name: value for name, value in fields.items() if value}


_LOCATOR = re.compile(r"[!-~]+")  # 7.21: a locator has no spaces


def _purl(purl: str) -> Object:
    return {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl}


def _relation(subject: str, kind: str, to: str) -> Object:
    return {"spdxElementId": subject, "relationshipType": kind, "relatedSpdxElement": to}


def _actor(name: str) -> str:
    """A name for `Organization: `, in which parentheses would announce an address (7.5)."""
    return _line(name).translate(_PARENTHESES).strip()


_PARENTHESES = str.maketrans("()", "[]")


def _line(text: str) -> str:
    return clean(text).strip()


def _slug(text: str) -> str:
    return _UNFIT.sub("-", text[:256]).strip("-.") or "unnamed"
