"""The OpenVEX writer: valid documents that say no more than is known."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.unit.report_fixtures import (
    ALLOW,
    CURL,
    DENY,
    DIGEST,
    EMPTY,
    FOUND,
    HIDDEN,
    REPORTS,
    ZLIB,
    H,
    report,
    vulnerability,
)
from thwart.core.finding import Suppressed
from thwart.core.report import Asset, Policy, Report
from thwart.gate import decide
from thwart.matching.vex import read
from thwart.reports import RenderOptions, write

FIELDS = {
    "vulnerability",
    "timestamp",
    "products",
    "status",
    "status_notes",
    "justification",
    "impact_statement",
    "action_statement",
}
PARTS = {"@id", "identifiers", "hashes"}


def written(*reports: Report) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(write("openvex", [(one, DENY) for one in reports], RenderOptions()))
    return document


def statement(of: Report, name: str) -> dict[str, Any]:
    (found,) = [one for one in written(of)["statements"] if one["vulnerability"]["name"] == name]
    return dict(found)


def check(document: dict[str, Any]) -> None:
    """What openvex_json_schema.json of the specification asks for; only that a clean report has no statement is ours."""
    assert set(document) == {"@context", "@id", "author", "role", "timestamp", "version", "tooling", "statements"}
    assert document["@context"] == "https://openvex.dev/ns/v0.2.0"
    assert document["version"] == 1
    texts = [json.dumps(one, sort_keys=True) for one in document["statements"]]
    assert len(set(texts)) == len(texts)
    for one in document["statements"]:
        assert set(one) <= FIELDS
        assert one["products"]
        assert ("justification" in one) + ("impact_statement" in one) == (one["status"] == "not_affected")
        assert ("action_statement" in one) == (one["status"] == "affected")
        for product in one["products"]:
            assert set(product) <= PARTS | {"subcomponents"}
            for part in (product, *product.get("subcomponents", ())):
                assert ":" in part["@id"]
            assert all(set(part) <= PARTS for part in product.get("subcomponents", ()))


@pytest.mark.parametrize("name", REPORTS)
def test_every_report_makes_a_valid_document(name: str) -> None:
    data = write("openvex", REPORTS[name], RenderOptions())
    assert data == write("openvex", REPORTS[name], RenderOptions())
    check(json.loads(data))
    read(data, "own.json")


def test_what_is_found_is_affected_and_tells_what_to_do() -> None:
    fixed = statement(FOUND, "CVE-2026-0001")
    assert (fixed["status"], fixed["action_statement"]) == ("affected", "upgrade openssl to 3.0.15-1~deb12u1")
    (product,) = fixed["products"]
    assert product["@id"].startswith("pkg:oci/web@sha256")
    assert product["hashes"] == {"sha-256": DIGEST.removeprefix("sha256:")}
    assert [part["@id"].partition("@")[0] for part in product["subcomponents"]] == [
        "pkg:deb/debian/libssl3",
        "pkg:deb/debian/openssl",
    ]
    unfixed = statement(FOUND, "CVE-2026-0011")
    assert unfixed["status"] == "affected"
    assert unfixed["action_statement"] == "There is no upgrade that closes it: no fix yet (no-dsa)"
    assert statement(FOUND, "CVE-2026-0020")["vulnerability"]["aliases"] == ["GHSA-2026-0020-aaaa"]


def test_where_the_vendor_does_not_know_nobody_does() -> None:
    doubtful = report(findings=(replace(vulnerability("CVE-2026-1", CURL, H), state="unknown"),))
    assert statement(doubtful, "CVE-2026-1")["status"] == "under_investigation"


@pytest.mark.parametrize(
    ("item", "status", "field", "words"),
    [
        ({"by": "exception", "reason": "off", "owner": "a@b", "expires": "2027-01-31"}, "affected", "action_statement", "until 2027-01-31 (a@b): off"),
        ({"by": "inline", "reason": "off"}, "affected", "action_statement", "The risk is accepted: off"),
        ({"by": "baseline", "reason": "old"}, "affected", "status_notes", "baseline"),
        ({"by": "distribution", "reason": "r", "status": "fixed"}, "fixed", "status_notes", "r"),
        ({"by": "distribution", "reason": "r", "status": "not_affected"}, "not_affected", "impact_statement", "r"),
        ({"by": "distribution", "reason": "r", "status": "affected"}, "affected", "status_notes", "r"),
        ({"by": "distribution", "reason": "silent"}, "under_investigation", "status_notes", "silent"),
        ({"by": "vex", "reason": "r", "status": "not_affected", "justification": "component_not_present"}, "not_affected", "justification", "component_not_present"),
        ({"by": "vex", "reason": "r", "status": "not_affected", "justification": "code_not_reachable"}, "not_affected", "impact_statement", "r"),
    ],
)  # fmt: skip
def test_what_is_set_aside_is_told_as_it_was_said(item: dict[str, str], status: str, field: str, words: str) -> None:
    one = report(suppressed=(Suppressed(finding=vulnerability("CVE-2026-7", ZLIB, H), **item),))
    found = statement(one, "CVE-2026-7")
    assert found["status"] == status
    assert words in found[field]


def test_a_folder_has_no_name_that_others_know_so_its_packages_are_the_products() -> None:
    folder = report(asset=Asset(kind="directory", name="."), findings=FOUND.findings)
    products = statement(folder, "CVE-2026-0001")["products"]
    assert [one["@id"].partition("@")[0] for one in products] == ["pkg:deb/debian/libssl3", "pkg:deb/debian/openssl"]


def test_the_identifier_follows_from_what_is_stated() -> None:
    first, second = written(FOUND), written(HIDDEN)
    assert first["@id"] != second["@id"]
    assert first["@id"] == written(replace(FOUND, tool_version="9"))["@id"]
    assert first["@id"] != written(replace(FOUND, created="2026-11-24T12:00:00Z"))["@id"]


def test_the_identifier_is_the_one_that_go_vex_computes() -> None:
    """Computed once with openvex/go-vex 0.2.9 (`CanonicalHash`) from this very document."""
    assert (
        written(FOUND)["@id"]
        == "https://openvex.dev/docs/public/vex-99878ee8bec9be0b9075a869f40919b43917f7c628580a5e176771e55f59e66d"
    )
    assert (
        written(HIDDEN, EMPTY)["@id"]
        == "https://openvex.dev/docs/public/vex-9ed9c513fdfd4835a4eeb966b016c2f4532c946da659bbc2ef2cea3e4c30b138"
    )


def test_rules_and_notices_are_no_vulnerabilities() -> None:
    kinds = tuple(replace(FOUND.findings[0], kind=kind) for kind in ("rule", "notice"))
    assert written(report(findings=kinds))["statements"] == []
    assert json.loads(write("openvex", [(FOUND, ALLOW)], RenderOptions(packages_only=True)))["statements"] == []


def test_what_is_read_back_sets_aside_what_was_set_aside() -> None:
    cleared = Suppressed(finding=FOUND.findings[4], by="distribution", reason="r", status="not_affected")
    data = write("openvex", [(report(findings=FOUND.findings[:4], suppressed=(cleared,)), DENY)], RenderOptions())
    judged, _ = decide(FOUND, Policy(vex=(read(data, "v"),)), date(2026, 11, 23))
    assert [one.finding.id for one in judged.suppressed] == [FOUND.findings[4].id]


def layout(folder: Path) -> str:
    """An OCI layout with one empty image; the digest of its manifest."""
    (folder / "blobs" / "sha256").mkdir(parents=True)
    empty = gzip.compress(bytes(1024), mtime=0)
    config = {
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [digest_of(bytes(1024))]},
    }
    kinds = ("application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.layer.v1.tar+gzip")
    described = [
        blob(folder, data, kind) for data, kind in zip((json.dumps(config).encode(), empty), kinds, strict=True)
    ]
    manifest: dict[str, Any] = {"schemaVersion": 2, "config": described[0], "layers": described[1:]}
    manifest["mediaType"] = "application/vnd.oci.image.manifest.v1+json"
    entry = blob(folder, json.dumps(manifest).encode(), manifest["mediaType"])
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    return str(entry["digest"])


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def blob(folder: Path, data: bytes, kind: str) -> dict[str, Any]:
    (folder / "blobs" / "sha256" / digest_of(data).partition(":")[2]).write_bytes(data)
    return {"mediaType": kind, "digest": digest_of(data), "size": len(data)}


def test_a_saved_report_of_exactly_the_image_is_attested_with_what_it_set_aside(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec

    from thwart.api._attest import AttestOptions, attest
    from thwart.core.errors import UsageError
    from thwart.trust.signing import signer_of

    digest = layout(tmp_path / "image")
    signer = signer_of(ec.generate_private_key(ec.SECP256R1()), "k")
    other, own = tmp_path / "other.json", tmp_path / "own.json"
    other.write_bytes(write("json", [(HIDDEN, DENY)], RenderOptions()))
    own.write_bytes(
        write("json", [(replace(HIDDEN, asset=replace(HIDDEN.asset, digest=digest)), DENY)], RenderOptions())
    )
    with pytest.raises(UsageError, match="has no report of"):
        attest(f"oci:{tmp_path / 'image'}", signer, AttestOptions(vex=True, saved=other))
    (done,) = attest(f"oci:{tmp_path / 'image'}", signer, AttestOptions(vex=True, saved=own))
    assert done.notes == ("it states https://openvex.dev/ns/v0.2.0",)
    envelopes = [path.read_bytes() for path in (tmp_path / "image" / "blobs" / "sha256").iterdir()]
    (payload,) = [json.loads(data)["payload"] for data in envelopes if data.startswith(b'{"payload')]
    stated = json.loads(base64.b64decode(payload))
    assert stated["predicateType"] == "https://openvex.dev/ns/v0.2.0"
    check(stated["predicate"])
    assert any("The risk is accepted" in one.get("action_statement", "") for one in stated["predicate"]["statements"])
