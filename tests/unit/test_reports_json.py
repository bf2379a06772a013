from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given as generated
from hypothesis import settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tools import generate

from tests.conftest import ROOT
from tests.unit import report_fixtures as given
from thwart.core import advisory, finding, package, report
from thwart.core.errors import ParseError
from thwart.core.limits import Limits
from thwart.reports import RenderOptions, _json_v1_types, write
from thwart.reports._identity import Keys
from thwart.reports._json import content_uuid, dump
from thwart.reports.json_v1 import read_all, read_json, text, untext

PLAIN = RenderOptions()
SCHEMA = ROOT / "docs/reference/schema/thwart-report-v1.schema.json"


def written(name: str) -> bytes:
    return write("json", given.REPORTS[name], PLAIN)


def parsed(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(written(name))
    return document


def without_lone_surrogates(judged: given.Judged) -> given.Judged:
    """What JSON cannot hold: half a surrogate pair that stands for no byte. It is written as its three bytes."""
    found, verdict = judged
    halves = [item for item in found.packages if "\ud83d" not in item.name]
    return replace(
        found,
        packages=tuple(halves),
        layers=tuple(layer for layer in found.layers if "\ud83d" not in layer.created_by),
        diagnostics=tuple(item for item in found.diagnostics if "\ud83d" not in item.message),
        suppressed=tuple(item for item in found.suppressed if "\ud83d" not in item.reason),
    ), replace(
        verdict,
        reasons=_without_halves(verdict.reasons),
        doubts=_without_halves(verdict.doubts),
        notes=_without_halves(verdict.notes),
    )


def _without_halves(sentences: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sentence for sentence in sentences if "\ud83d" not in sentence)


@pytest.mark.parametrize("name", given.REPORTS)
def test_what_is_written_is_read_back(name: str) -> None:
    judged = [without_lone_surrogates(one) for one in given.REPORTS[name]]
    back = read_all(write("json", judged, PLAIN))
    assert back == judged
    assert [one.timings for one, _ in back] == [one.timings for one, _ in judged]


def test_fingerprints_survive() -> None:
    found, _ = read_json(written("hostile"))
    original = given.REPORTS["hostile"][0][0]
    assert [item.fingerprint for item in found.findings] == [item.fingerprint for item in original.findings]


@pytest.mark.parametrize("name", given.REPORTS)
def test_every_document_keeps_to_the_published_schema(name: str) -> None:
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(parsed(name))


def test_the_schema_refuses_what_the_reader_refuses() -> None:
    schema = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))
    changes: list[dict[str, Any]] = [
        {"more": 1},
        {"reports": []},
        {"$schema": "x"},
        {"schema": {"name": "thwart-report", "version": 2}},
    ]
    for change in changes:
        document = parsed("clean") | change
        assert not schema.is_valid(document)
        with pytest.raises(ParseError):
            read_all(json.dumps(document).encode())


def test_generated_files_are_up_to_date() -> None:
    assert [str(path) for path, _ in generate.differing()] == []
    assert generate.main(["--check"]) == 0


def test_headers() -> None:
    document = parsed("findings")
    assert document["$schema"] == "urn:thwart:schema:report:v1"
    assert document["schema"] == {"name": "thwart-report", "version": 1}
    assert document["tool"] == {"name": "thwart", "version": "0.1.0"}
    assert document["database"]["age_days"] == 2
    assert document["reports"][0]["summary"] == {
        "packages": 9,
        "findings": 11,
        "by_severity": {"critical": 2, "high": 4, "medium": 2, "low": 1, "negligible": 1, "unknown": 1},
        "fixable": 7,
        "suppressed": 0,
        "incomplete": False,
    }


def test_reports_of_different_databases_and_tools_keep_their_own() -> None:
    old = replace(given.CLEAN, tool_version="0.0.9", database=replace(given.DATABASE, age_days=9))
    judged = [(given.CLEAN, given.ALLOW), (old, given.ALLOW)]
    document = json.loads(write("json", judged, PLAIN))
    assert document["database"] is None
    assert [entry["database"]["age_days"] for entry in document["reports"]] == [2, 9]
    assert document["reports"][1]["tool"]["version"] == "0.0.9"
    assert read_all(json.dumps(document).encode()) == judged


def test_a_finding_in_an_unlisted_package_keeps_it() -> None:
    other = replace(given.CURL, version="9")
    found = given.report(packages=(given.ZLIB, given.ZLIB), findings=(given.vulnerability("CVE-1", other, given.H),))
    document = json.loads(write("json", [(found, given.DENY)], PLAIN))
    assert [item["key"] for item in document["reports"][0]["packages"]][1].endswith("#2")
    assert document["reports"][0]["other_packages"][0]["version"] == "9"
    assert read_json(json.dumps(document).encode()) == (found, given.DENY)


def test_keys_never_meet() -> None:
    twice = [replace(given.ZLIB, purl="a"), replace(given.ZLIB, purl="a#2"), replace(given.CURL, purl="a"), given.QS]
    keys = Keys(twice, str)
    assert len({keys.of(item) for item in twice}) == 4


NOUNS = {
    _json_v1_types.WireAsset: report.Asset,
    _json_v1_types.WireDatabase: report.DatabaseInfo,
    _json_v1_types.WireVerdict: report.Verdict,
    _json_v1_types.WireFinding: finding.Finding,
    _json_v1_types.WireFix: finding.Fix,
    _json_v1_types.WireSuppressed: finding.Suppressed,
    _json_v1_types.WireDiagnostic: finding.Diagnostic,
    _json_v1_types.WirePackage: package.Package,
    _json_v1_types.WireLayer: package.Layer,
    _json_v1_types.WireLocation: package.Location,
    _json_v1_types.WireRelease: package.Release,
    _json_v1_types.WireExploited: advisory.Exploited,
    _json_v1_types.WireFeed: advisory.Feed,
}
UNWRITTEN = {"edits"}  # they belong to the documents as they were
OURS = {"key", "fingerprint", "package_name", "package_version"}


@pytest.mark.parametrize(("wire", "noun"), NOUNS.items(), ids=lambda kind: kind.__name__)
def test_no_field_of_a_noun_is_forgotten(wire: type[_json_v1_types.Wire], noun: type[Any]) -> None:
    assert set(wire.__struct_fields__) - OURS == set(noun.__struct_fields__) - UNWRITTEN


@pytest.mark.parametrize(
    ("wire", "noun"), [(_json_v1_types.WireScore, advisory.Score), (_json_v1_types.WireRange, advisory.Range)]
)
def test_no_field_of_a_tuple_is_forgotten(wire: type[_json_v1_types.Wire], noun: Any) -> None:
    assert wire.__struct_fields__ == noun._fields


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"[]", b"null", b"\xff", b'{"a":' * 100_000, b"[" * 100_000, b'{"$schema":"\xed\xa0\x80"}', b"1e999"],
)
def test_what_is_no_report_is_refused(data: bytes) -> None:
    with pytest.raises(ParseError):
        read_all(data)


def test_a_large_or_crowded_document_is_refused() -> None:
    with pytest.raises(ParseError, match="larger than"):
        read_json(written("clean"), Limits(file_bytes=100))
    with pytest.raises(ParseError, match="holds 4 reports"):
        read_json(written("many"))


def test_a_finding_in_a_package_that_is_not_there_is_refused() -> None:
    document = parsed("findings")
    document["reports"][0]["findings"][0]["package"] = "pkg:npm/nowhere@1"
    with pytest.raises(ParseError, match="does not list"):
        read_all(json.dumps(document).encode())
    document = parsed("findings")
    document["reports"][0]["packages"][1]["key"] = document["reports"][0]["packages"][0]["key"]
    with pytest.raises(ParseError, match="same key"):
        read_all(json.dumps(document).encode())


@settings(max_examples=150, deadline=None)
@generated(st.data())
def test_damaged_documents_are_read_or_refused(data: st.DataObject) -> None:
    document = bytearray(written("incomplete"))
    if data.draw(st.booleans()):
        document = document[: data.draw(st.integers(0, len(document)))]
    for _ in range(data.draw(st.integers(1, 3))):
        if document:
            document[data.draw(st.integers(0, len(document) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        back = read_all(bytes(document))
    except ParseError:
        return
    assert all(isinstance(one, report.Report) for one, _ in back)


@generated(st.binary(max_size=30), st.text(st.characters(codec="utf-8"), max_size=20))
def test_any_name_of_a_file_survives(raw: bytes, spoken: str) -> None:
    name = raw.decode("utf-8", "surrogateescape") + spoken
    text(name).encode()
    assert untext(text(name)) == name


def test_half_a_pair_of_surrogates_is_still_written() -> None:
    assert text("a\ud83d") == "a\uefed\uefa0\uefbd"
    assert untext("a\uefed\uefa0\uefbd") == "a\udced\udca0\udcbd"


def test_identifiers_follow_from_content() -> None:
    assert content_uuid({"a": 1, "b": 2}) == content_uuid({"b": 2, "a": 1})
    assert content_uuid({"a": 1}) != content_uuid({"a": 2})
    assert json.loads(dump({"a": 'q"\\\udcff\u202e'})) == {"a": 'q"\\\\xff\u202e'}
    with pytest.raises(ValueError, match="JSON"):
        dump({"a": float("nan")})
