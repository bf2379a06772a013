from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from tests.unit import report_fixtures as given
from thwart.core.report import Asset
from thwart.reports import RenderOptions, write
from thwart.reports._identity import image_purl, instant
from thwart.reports._licences import Licence, licence, licences_of

if TYPE_CHECKING:
    from pathlib import Path

Object = dict[str, Any]
OPTIONS = (RenderOptions(), RenderOptions(packages_only=True))


def document(format_: str, judged: list[given.Judged], options: RenderOptions = OPTIONS[0]) -> Object:
    found: Object = json.loads(write(format_, judged, options))
    return found


def cyclonedx(name: str) -> Object:
    return document("cyclonedx", given.REPORTS[name])


def spdx(name: str) -> Object:
    return document("spdx", given.REPORTS[name])


@pytest.mark.parametrize("options", OPTIONS, ids=["all", "packages"])
@pytest.mark.parametrize("name", given.REPORTS)
def test_the_published_schema_accepts_every_bill(name: str, options: RenderOptions) -> None:
    reason = "needs cyclonedx-python-lib[json-validation], which carries the schema"
    validation = pytest.importorskip("cyclonedx.validation.json", reason=reason)
    version = pytest.importorskip("cyclonedx.schema").SchemaVersion.V1_6
    text = write("cyclonedx", given.REPORTS[name], options).decode()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert validation.JsonStrictValidator(version).validate_str(text) is None
        pytest.importorskip("cyclonedx.model.bom").Bom.from_json(json.loads(text)).validate()


@pytest.mark.parametrize("options", OPTIONS, ids=["all", "packages"])
@pytest.mark.parametrize("name", given.REPORTS)
def test_the_reference_tools_accept_every_spdx_document(name: str, options: RenderOptions, tmp_path: Path) -> None:
    reason = "needs spdx-tools, the reference implementation"
    place = tmp_path / "document.spdx.json"
    place.write_bytes(write("spdx", given.REPORTS[name], options))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parser = pytest.importorskip("spdx_tools.spdx.parser.parse_anything", reason=reason)
        validator = pytest.importorskip("spdx_tools.spdx.validation.document_validator", reason=reason)
        messages = validator.validate_full_spdx_document(parser.parse_file(str(place)), "SPDX-2.3")
    assert [message.validation_message for message in messages] == []


@pytest.mark.parametrize("name", given.REPORTS)
def test_references_are_unique_and_lead_somewhere(name: str) -> None:
    bill = cyclonedx(name)
    top = bill["metadata"]["component"]
    components = [top]
    for component in bill["components"]:
        components += [component, *component.get("components", [])]
    refs = [component["bom-ref"] for component in components]
    everything = refs + [entry["bom-ref"] for entry in bill["vulnerabilities"]]
    assert len(set(everything)) == len(everything)
    used = [affected["ref"] for entry in bill["vulnerabilities"] for affected in entry["affects"]]
    used += [ref for entry in bill["dependencies"] for ref in [entry["ref"], *entry["dependsOn"]]]
    used += [ref for entry in bill.get("compositions", []) for ref in entry["assemblies"]]
    assert set(used) <= set(refs)
    listing = spdx(name)
    known = {item["SPDXID"] for item in listing["packages"]} | {"SPDXRef-DOCUMENT"}
    assert len(known) == len(listing["packages"]) + 1
    ends = {end for item in listing["relationships"] for end in (item["spdxElementId"], item["relatedSpdxElement"])}
    assert ends == known


def test_a_component_says_who_brought_it() -> None:
    component = next(item for item in cyclonedx("findings")["components"] if item["name"] == "libssl3")
    facts = {item["name"]: item["value"] for item in component["properties"]}
    assert component["purl"] == component["bom-ref"] == given.LIBSSL.purl
    assert facts["thwart:layer"] == given.DIFF_IDS[1]
    assert facts["thwart:layer:createdBy"].startswith("RUN set -x && groupadd")
    assert component["evidence"] == {"occurrences": [{"location": "var/lib/dpkg/status"}]}
    assert component["licenses"] == [{"license": {"id": "Apache-2.0", "acknowledgement": "declared"}}]


def test_names_groups_and_scopes() -> None:
    component = next(item for item in cyclonedx("clean")["components"] if item["name"] == "core")
    assert (component["group"], component["scope"]) == ("@babel", "excluded")
    assert component["licenses"] == [{"expression": "MIT OR Apache-2.0", "acknowledgement": "declared"}]
    assert component["evidence"]["occurrences"][0]["line"] == 3


def test_the_asset_and_its_system() -> None:
    bill = cyclonedx("clean")
    top, system = bill["metadata"]["component"], bill["components"][0]
    assert (top["type"], top["version"]) == ("container", given.DIGEST)
    assert top["purl"].startswith("pkg:oci/web@sha256%3A4c0f")
    assert (system["type"], system["name"], system["version"]) == ("operating-system", "debian", "12")
    assert bill["metadata"]["timestamp"] == "2026-11-23T12:00:00Z"


def test_packages_of_one_advisory_are_one_vulnerability() -> None:
    first = cyclonedx("findings")["vulnerabilities"][0]
    assert first["id"] == "CVE-2026-0001"
    assert [item["ref"] for item in first["affects"]] == [given.LIBSSL.purl, given.OPENSSL.purl]
    assert first["ratings"][0] == {
        "severity": "critical",
        "method": "CVSSv31",
        "source": {"name": "NVD"},
        "score": 9.8,
        "vector": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
    }
    assert first["ratings"][1]["method"] == "other"
    assert first["recommendation"] == "upgrade openssl to 3.0.15-1~deb12u1"
    assert first["published"] == "2026-05-01T00:00:00Z"
    assert "analysis" not in first


def test_suppressed_findings_carry_their_analysis() -> None:
    judged = {item["id"]: item for item in cyclonedx("suppressed")["vulnerabilities"] if "analysis" in item}
    assert {name: item["analysis"]["state"] for name, item in judged.items()} == {
        "CVE-2026-0040": "in_triage",  # an accepted risk is no statement that there is none
        "CVE-2026-0041": "not_affected",
        "CVE-2026-0042": "not_affected",
    }
    assert "until 2027-01-31" in judged["CVE-2026-0040"]["analysis"]["detail"]
    assert judged["CVE-2026-0041"]["affects"][0]["versions"][0]["status"] == "unaffected"


def test_incomplete_bills_say_so() -> None:
    bill = cyclonedx("incomplete")
    assert bill["compositions"] == [{"aggregate": "incomplete", "assemblies": ["asset"]}]
    assert "compositions" not in cyclonedx("clean")
    assert spdx("incomplete")["comment"].startswith("Incomplete [layer-unreadable]: layer 4 is cut off")


def test_several_assets_hold_their_own_components() -> None:
    bill = cyclonedx("many")
    assert [item["type"] for item in bill["components"]] == ["container", "application", "container", "container"]
    assert len(bill["components"][0]["components"]) == 10
    assert bill["dependencies"][0] == {"ref": "scan", "dependsOn": ["0/asset", "1/asset", "2/asset", "3/asset"]}
    describes = [item for item in spdx("many")["relationships"] if item["relationshipType"] == "DESCRIBES"]
    assert len(describes) == 4


def test_serial_numbers_follow_from_content() -> None:
    assert cyclonedx("clean")["serialNumber"] == cyclonedx("clean")["serialNumber"]
    assert cyclonedx("clean")["serialNumber"] != cyclonedx("findings")["serialNumber"]
    assert spdx("clean")["documentNamespace"] != spdx("findings")["documentNamespace"]
    assert spdx("clean")["documentNamespace"].startswith("https://spdx.org/spdxdocs/thwart/registry.example-5000-shop-")


def test_spdx_packages() -> None:
    listing = {item["name"]: item for item in spdx("findings")["packages"]}
    assert listing["zlib1g"]["licenseDeclared"] == "Zlib"
    assert listing["@babel/core"]["licenseDeclared"] == "MIT OR Apache-2.0"
    assert listing["zlib1g"]["downloadLocation"] == listing["zlib1g"]["copyrightText"] == "NOASSERTION"
    assert "brought by layer 2 of 6 (RUN set -x" in listing["libssl3"]["sourceInfo"]
    assert listing["libssl3"]["externalRefs"][0] == {
        "referenceCategory": "PACKAGE-MANAGER",
        "referenceType": "purl",
        "referenceLocator": given.LIBSSL.purl,
    }
    assert [ref["referenceCategory"] for ref in listing["libssl3"]["externalRefs"][1:]] == ["SECURITY"] * 3
    image = listing["registry.example:5000/shop/web:1.27"]
    assert image["checksums"] == [{"algorithm": "SHA256", "checksumValue": given.DIGEST[7:]}]


def test_an_unlisted_licence_is_extracted() -> None:
    found = spdx("clean")
    perl = next(item for item in found["packages"] if item["name"] == "perl-base")
    refs = {info["licenseId"]: info["extractedText"] for info in found["hasExtractedLicensingInfos"]}
    first, _, rest = perl["licenseDeclared"].partition(" AND ")
    assert refs[first] == "GPL-1+ or Artistic"
    assert rest == "BSD-3-Clause"


@pytest.mark.parametrize(
    ("stated", "kind", "text"),
    [
        ("mit", "id", "MIT"),
        ("GPL-2.0", "id", "GPL-2.0-only"),
        ("GPL-2.0+", "id", "GPL-2.0-or-later"),
        ("Apache-2.0+", "expression", "Apache-2.0+"),
        ("MIT and (BSD-2-Clause or apache-2.0)", "expression", "MIT AND (BSD-2-Clause OR Apache-2.0)"),
        ("Apache-2.0 WITH LLVM-exception", "expression", "Apache-2.0 WITH LLVM-exception"),
        ("GPL-2.0 WITH MIT", "name", "GPL-2.0 WITH MIT"),
        ("(MIT) WITH LLVM-exception", "name", "(MIT) WITH LLVM-exception"),
        ("GPL-2.0-only WITH LLVM-exception WITH LLVM-exception", "name", ""),
        ("GPLv2+", "name", "GPLv2+"),
        ("GPL-2", "name", "GPL-2"),
        ("MIT OR", "name", "MIT OR"),
        ("(MIT", "name", "(MIT"),
        ("MIT)", "name", "MIT)"),
        ("MIT MIT", "name", "MIT MIT"),
        ("()", "name", "()"),
        ("AND", "name", "AND"),
        ("  Public \n Domain ", "name", "Public Domain"),
        ("(" * 40 + "MIT" + ")" * 40, "name", ""),
        (" OR ".join(["MIT"] * 1000), "name", ""),
    ],
)
def test_licences(stated: str, kind: str, text: str) -> None:
    found = licence(stated)
    assert found.kind == kind
    assert not text or found.text == text


def test_debian_has_names_of_its_own() -> None:
    assert licence("GPL-2+", debian=True) == Licence("id", "GPL-2.0-or-later")
    assert licence("LGPL-2.1", debian=True) == Licence("id", "LGPL-2.1-only")
    assert licence("Expat", debian=True) == Licence("id", "MIT")
    assert licence("Expat") == Licence("name", "Expat")


def test_statements_that_say_nothing_are_left_out() -> None:
    package = replace(given.CURL, licences=("", "NOASSERTION", "none", "MIT", "mit"))
    assert licences_of(package) == [Licence("id", "MIT")]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2026-05-01", "2026-05-01T00:00:00Z"),
        ("2026-05-01T12:30:00.123456Z", "2026-05-01T12:30:00Z"),
        ("2026-05-01T12:30:00+02:00", "2026-05-01T10:30:00Z"),
        ("2026-05-01T12:30:00", ""),
        ("2026-13-01", ""),
        ("0001-01-01T00:00:00+14:00", ""),
        ("", ""),
        ("\x1b[31m", ""),
    ],
)
def test_instants(text: str, shown: str) -> None:
    assert instant(text) == shown


def test_names_of_images() -> None:
    image = Asset(kind="image", name="nginx:1.27", digest=given.DIGEST, platform="linux/arm64/v8")
    assert image_purl(image).startswith("pkg:oci/nginx@sha256%3A4c0fdaa8b634")
    assert image_purl(image).endswith("/library/nginx&tag=1.27")
    assert "arch=arm64&" in image_purl(image)
    others = (
        replace(image, digest=""),
        replace(image, digest="nonsense"),
        replace(image, kind="directory"),
        replace(image, name="Not An Image"),
    )
    assert [image_purl(other) for other in others] == [""] * 4
