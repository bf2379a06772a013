"""VEX documents, read in three formats, and what they do at the gate."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.unit.report_fixtures import DEBIAN, DIGEST, FOUND, LIBSSL, QS, H, report, vulnerability
from thwart.core.errors import ParseError
from thwart.core.package import Location, Package
from thwart.core.report import Policy, Report
from thwart.gate import decide
from thwart.gate.reopened import reopened
from thwart.lib import vers
from thwart.matching.vex import read

TODAY = date(2026, 11, 23)
CURL_CVE = "CVE-2026-0010"
OCI = f"pkg:oci/web@{DIGEST.replace(':', '%3A')}?repository_url=registry.example:5000/shop/web"


def openvex(*statements: dict[str, Any], at: str = "2026-01-01T00:00:00Z", **more: Any) -> bytes:
    head = {
        "@context": "https://openvex.dev/ns/v0.2.0",
        "@id": "urn:x:vex",
        "author": "Vendor",
        "timestamp": at,
        "version": 1,
    }
    return json.dumps(head | more | {"statements": list(statements)}).encode()


def said(products: Any, status: str = "not_affected", name: str = CURL_CVE, **more: Any) -> dict[str, Any]:
    why = {"justification": "vulnerable_code_not_present"} if status == "not_affected" else {}
    return {"vulnerability": {"name": name}, "products": products, "status": status} | why | more


def judged(*documents: bytes, of: Report = FOUND) -> Report:
    vex = tuple(read(data, f"{index}.json") for index, data in enumerate(documents))
    return decide(of, Policy(vex=vex), TODAY)[0]


def aside(*documents: bytes, of: Report = FOUND) -> list[str]:
    return [
        f"{one.finding.id} {one.finding.package.name}"
        for one in judged(*documents, of=of).suppressed
        if one.finding.package
    ]


CURL_ASIDE = [f"{CURL_CVE} curl"]


@pytest.mark.parametrize(
    ("product", "fits"),
    [
        ({"@id": "pkg:deb/debian/curl@7.88.1-10%2Bdeb12u5"}, True),
        ({"@id": "pkg:deb/debian/curl"}, True),
        ({"@id": "pkg:deb/debian/curl@7.88.1-10%2Bdeb12u5?arch=amd64"}, True),
        ({"@id": "pkg:deb/debian/curl?distro=bookworm"}, True),
        ({"@id": "pkg:deb/debian/curl?distro=debian-12"}, True),
        ({"@id": "pkg:deb/debian/curl?arch=source"}, True),
        ({"identifiers": {"purl": "pkg:deb/debian/curl"}}, True),
        ({"@id": "https://vendor.example/curl", "identifiers": {"purl": "pkg:deb/debian/curl"}}, True),
        ({"@id": "pkg:deb/debian/curl@8"}, False),
        ({"@id": "pkg:deb/ubuntu/curl"}, False),
        ({"@id": "pkg:deb/debian/curl?arch=arm64"}, False),
        ({"@id": "pkg:deb/debian/curl?distro=bullseye"}, False),
        ({"@id": "pkg:deb/debian/libcurl4"}, False),
        ({"@id": "pkg:rpm/debian/curl"}, False),
        ({"@id": "pkg:oci/web"}, True),
        ({"@id": OCI}, True),
        ({"@id": "pkg:oci/web?repository_url=registry.example:5000/shop"}, True),
        ({"@id": "pkg:oci/web?tag=1.27&arch=amd64"}, True),
        ({"@id": DIGEST}, True),
        ({"@id": "registry.example:5000/shop/web:1.27"}, True),
        ({"hashes": {"sha-256": DIGEST.removeprefix("sha256:")}}, True),
        ({"@id": "pkg:oci/web", "hashes": {"sha-256": "0" * 64}}, False),
        ({"@id": "pkg:oci/web@sha256:" + "0" * 64}, False),
        ({"@id": "pkg:oci/web?repository_url=docker.io/library/web"}, False),
        ({"@id": "pkg:oci/web?tag=1.28"}, False),
        ({"@id": "pkg:oci/web?arch=arm64"}, False),
        ({"@id": "pkg:oci/api"}, False),
        ({"@id": "pkg:oci/web", "subcomponents": [{"@id": "pkg:deb/debian/curl"}]}, True),
        ({"@id": "pkg:oci/web", "subcomponents": [{"@id": "pkg:deb/debian/openssl"}]}, False),
        ({"@id": "pkg:oci/api", "subcomponents": [{"@id": "pkg:deb/debian/curl"}]}, False),
        # A package says nothing of another one beside it, and nothing of itself when it speaks of what is inside.
        ({"@id": "pkg:npm/express", "subcomponents": [{"@id": "pkg:deb/debian/curl"}]}, False),
        ({"@id": "pkg:deb/debian/curl", "subcomponents": [{"@id": "pkg:generic/zlib"}]}, False),
        # Parts that cannot be read never become "all of it".
        ({"@id": "pkg:oci/web", "subcomponents": [{"@id": "pkg:"}]}, False),
        ({"@id": "pkg:oci/web", "subcomponents": [{}]}, False),
    ],
)
def test_products_are_compared_by_what_identifies_them(product: dict[str, Any], fits: bool) -> None:
    found = aside(openvex(said([product])))
    assert (found == CURL_ASIDE) is fits, found


def test_a_suppressed_finding_tells_who_says_what_and_where() -> None:
    statement = said([{"@id": "pkg:deb/debian/curl"}], impact_statement="built without it")
    (one,) = judged(openvex(statement)).suppressed
    assert (one.by, one.status, one.justification) == ("vex", "not_affected", "vulnerable_code_not_present")
    assert (one.owner, one.document) == ("Vendor", "urn:x:vex")
    assert "built without it" in one.reason
    assert "0.json of 2026-01-01" in one.reason


def test_the_latest_statement_decides_and_can_take_an_earlier_one_back() -> None:
    curl = [{"@id": "pkg:deb/debian/curl"}]
    old, new = (
        openvex(said(curl)),
        openvex(said(curl, "affected", action_statement="upgrade"), at="2026-02-01T00:00:00Z"),
    )
    assert aside(old) == CURL_ASIDE
    assert aside(old, new) == aside(new, old) == []
    under = said(curl, "under_investigation")
    assert aside(openvex(under, said(curl, "fixed"))) == CURL_ASIDE, "of one document and time the last counts"
    assert aside(openvex(said(curl, "fixed"), under)) == []
    assert aside(openvex(said(curl, timestamp="2026-03-01T00:00:00+01:00"), under)) == CURL_ASIDE
    assert aside(old, openvex(under)) == aside(openvex(under), old) == [], (
        "two documents of one time: nothing is set aside"
    )


@pytest.mark.parametrize(
    ("vulnerability_", "fits"),
    [
        ({"name": "cve-2026-0020"}, True),
        ({"name": "X-1", "aliases": ["GHSA-2026-0020-aaaa"]}, True),
        ({"@id": "https://nvd.example/vuln/CVE-2026-0020"}, True),
        ("CVE-2026-0020", True),
        ({"name": "CVE-2026-0021"}, False),
    ],
)
def test_a_vulnerability_has_many_names(vulnerability_: Any, fits: bool) -> None:
    found = aside(openvex(said(["pkg:npm/qs@6.7.0"]) | {"vulnerability": vulnerability_}))
    assert bool(found) is fits


def test_the_first_openvex_has_texts_and_its_parts_beside_the_products() -> None:
    statement = {"vulnerability": CURL_CVE, "products": ["pkg:oci/web"], "status": "fixed"}
    context = {"@context": "https://openvex.dev/ns/v0.0.1", "version": "1"}
    assert aside(openvex(statement | {"subcomponents": ["pkg:deb/debian/curl"]}, **context)) == CURL_ASIDE
    assert aside(openvex(statement | {"subcomponents": ["pkg:deb/debian/zlib"]}, **context)) == []


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        (said(["pkg:deb/debian/curl"], justification="because"), "without a justification"),
        (said(["pkg:deb/debian/curl"], "harmless"), "VEX does not know"),
        (said([]), "name no product"),
        (said(["pkg:deb/"]), "nothing that can be compared"),
        (said([{}]), "nothing that can be compared"),
        (said(["pkg:deb/debian/curl"]) | {"vulnerability": {}}, "name no vulnerability"),
        ("nonsense", "name no vulnerability"),
    ],
)
def test_what_is_not_understood_is_told_and_does_not_count(statement: Any, told: str) -> None:
    found = judged(openvex(statement))
    assert found.suppressed == ()
    (one,) = [one for one in found.diagnostics if one.slug == "vex-statement"]
    assert told in one.message
    assert (one.path, one.incomplete) == ("0.json", False)


def test_a_statement_that_meets_nothing_is_no_noise() -> None:
    assert judged(openvex(said(["pkg:deb/debian/vim"], name="CVE-1999-1"))) == judged()


def test_exceptions_come_before_vex_and_a_saved_report_is_judged_anew() -> None:
    first = judged(openvex(said(["pkg:deb/debian/curl"])))
    again = reopened(first)
    assert {one.id for one in again.findings} == {one.id for one in FOUND.findings}
    assert again.suppressed == ()


def test_a_product_may_be_the_archive_around_the_package() -> None:
    outer = Package(
        name="app",
        version="1",
        type="maven",
        ecosystem="Maven",
        purl="pkg:maven/x/app@1",
        locations=(Location(path="a.jar"),),
    )
    inner = replace(QS, locations=(Location(path="a.jar!/lib/qs.jar"),))
    finding = vulnerability(CURL_CVE, inner, H)
    both = report(packages=(outer, inner), findings=(finding,))
    document = openvex(said([{"@id": "pkg:maven/x/app@1", "subcomponents": [{"@id": "pkg:npm/qs"}]}]))
    assert len(judged(document, of=both).suppressed) == 1
    loose = replace(inner, locations=(*inner.locations, Location(path="b.jar!/lib/qs.jar")))
    elsewhere = report(packages=(outer, loose), findings=(vulnerability(CURL_CVE, loose, H),))
    assert judged(document, of=elsewhere).suppressed == ()


def cyclonedx(state: str = "not_affected", ref: str = "curl", *, root: Any = None, **more: Any) -> bytes:
    analysis = {"state": state, "justification": "code_not_reachable", "detail": "never called"}
    vulnerability_ = {"id": CURL_CVE, "analysis": analysis, "affects": [{"ref": ref} | more]}
    components = [
        {"name": "outer", "components": [{"bom-ref": "curl", "purl": "pkg:deb/debian/curl@7.88.1-10%2Bdeb12u5"}]}
    ]
    metadata = {"timestamp": "2026-01-01T00:00:00Z", "supplier": {"name": "Vendor"}, "component": root or {}}
    document = {"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": metadata, "components": components}
    return json.dumps(document | {"vulnerabilities": [vulnerability_]}).encode()


LINK = "urn:cdx:3e671687-395b-41f5-a30f-a58921a69b79/1#"


@pytest.mark.parametrize(
    ("document", "fits"),
    [
        (cyclonedx(), True),
        (cyclonedx("resolved"), True),
        (cyclonedx("false_positive"), True),
        (cyclonedx("resolved_with_pedigree"), True),
        (cyclonedx("exploitable"), False),
        (cyclonedx("in_triage"), False),
        (cyclonedx(ref="nowhere"), False),
        (cyclonedx(ref=f"{LINK}pkg:deb/debian/curl@7.88.1-10%2Bdeb12u5?arch=amd64"), True),
        (cyclonedx(ref=f"{LINK}pkg%3Adeb%2Fdebian%2Fcurl"), True),
        (cyclonedx(ref=f"{LINK}pkg:deb/debian/curl@1"), False),
        (cyclonedx(versions=[{"version": "7.88.1-10+deb12u5"}]), True),
        (cyclonedx(versions=[{"version": "7.88.1-10+deb12u4"}]), False),
        (cyclonedx(versions=[{"range": "vers:deb/>=7|<8"}]), True),
        (cyclonedx(versions=[{"range": "vers:deb/>=8"}]), False),
        (cyclonedx(versions=[{"range": "vers:klingon/>=7"}]), False),
        (cyclonedx(root={"bom-ref": "i", "purl": OCI}), True),
        (cyclonedx(root={"bom-ref": "i", "purl": OCI}, ref="i"), True),
        (cyclonedx(root={"bom-ref": "i", "purl": "pkg:oci/api@sha256:" + "0" * 64}), False),
    ],
)
def test_cyclonedx(document: bytes, fits: bool) -> None:
    assert (aside(document) == CURL_ASIDE) is fits


def test_cyclonedx_tells_its_justification() -> None:
    (one,) = judged(cyclonedx()).suppressed
    assert (one.justification, one.owner) == ("code_not_reachable", "Vendor")
    assert "never called" in one.reason


def test_our_own_bill_with_what_vex_set_aside_is_a_vex_document_too() -> None:
    from thwart.reports import RenderOptions, write

    first, verdict = decide(FOUND, Policy(vex=(read(openvex(said(["pkg:oci/web"])), "v"),)), TODAY)
    assert aside(write("cyclonedx", [(first, verdict)], RenderOptions())) == CURL_ASIDE


def csaf(status: str = "known_not_affected", product: str = "curl-id", *, flags: Any = None, tree: Any = None) -> bytes:
    curl = {
        "product_id": "curl-id",
        "product_identification_helper": {"purl": "pkg:deb/debian/curl@7.88.1-10%2Bdeb12u5"},
    }
    web = {"product_id": "web-id", "product_identification_helper": {"purl": "pkg:oci/web"}}
    api = {"product_id": "api-id", "product_identification_helper": {"purl": "pkg:oci/api"}}
    any_curl = {"product_id": "any-id", "product_identification_helper": {"purl": "pkg:deb/debian/curl"}}
    rhel = {
        "product_id": "rhel-id",
        "product_identification_helper": {"cpe": "cpe:/o:redhat:enterprise_linux:9::baseos"},
    }
    relations = [
        {"category": "default_component_of", "product_reference": "curl-id", "relates_to_product_reference": f"{one}-id",
         "full_product_name": {"product_id": f"{one}-curl", "name": one}} for one in ("web", "api", "rhel")
    ]  # fmt: skip
    versions = [
        {"category": "product_version_range", "name": name, "product": any_curl | {"product_id": key}}
        for key, name in (("new-id", "vers:deb/>=8"), ("old-id", "vers:deb/<8"), ("words-id", "before eight"))
    ]
    branches = [
        {
            "category": "vendor",
            "name": "v",
            "branches": [{"category": "product_name", "name": "c", "product": curl}, *versions],
        }
    ]
    body = {
        "document": {"category": "csaf_vex", "csaf_version": "2.0", "publisher": {"name": "Vendor"},
                     "tracking": {"id": "V-1", "current_release_date": "2026-01-01T00:00:00Z"}},
        "product_tree": tree or {"branches": branches, "full_product_names": [web, api, rhel], "relationships": relations,
                                 "product_groups": [{"group_id": "all", "product_ids": ["curl-id", "web-id", "web-curl", "api-curl", "rhel-curl", "new-id", "old-id", "words-id"]}]},
        "vulnerabilities": [{"cve": CURL_CVE, "product_status": {status: [product]},
                             "flags": [{"label": "vulnerable_code_not_present", "group_ids": ["all"]}] if flags is None else flags}],
    }  # fmt: skip
    return json.dumps(body).encode()


@pytest.mark.parametrize(
    ("document", "fits"),
    [
        (csaf(), True),
        (csaf("fixed"), True),
        (csaf("first_fixed"), True),
        (csaf("known_affected"), False),
        (csaf("under_investigation"), False),
        (csaf("recommended"), False),
        (csaf(product="web-id"), True),
        (csaf(product="api-id", flags=[{"label": "component_not_present"}]), False),
        (csaf(product="web-curl"), True),
        (csaf(product="api-curl"), False),
        (csaf(product="rhel-curl"), False),
        (csaf(product="old-id"), True),
        (csaf(product="new-id"), False),
        (csaf(product="words-id"), False),
        (csaf(product="no-id", flags=[{"label": "component_not_present"}]), False),
        (csaf(flags=[]), False),
        (csaf(flags=[{"label": "component_not_present", "product_ids": ["web-id"]}]), False),
    ],
)
def test_csaf(document: bytes, fits: bool) -> None:
    assert (aside(document) == CURL_ASIDE) is fits


def test_csaf_platforms_are_releases() -> None:
    rhel = replace(DEBIAN, id="rhel", version="9.4")
    asset = report(release=rhel, findings=FOUND.findings)
    assert aside(csaf(product="rhel-curl"), of=asset) == CURL_ASIDE
    assert (
        aside(csaf(product="rhel-curl"), of=report(release=replace(rhel, version="8.9"), findings=FOUND.findings)) == []
    )


def test_vendors_of_rpm_have_two_names_and_epochs_are_qualifiers() -> None:
    purl = "pkg:rpm/rhel/openssl@1.1.1k-6.el8_5?arch=x86_64&distro=rhel-8.5&epoch=1"
    package = replace(
        LIBSSL,
        name="openssl",
        type="rpm",
        version="1:1.1.1k-6.el8_5",
        purl=purl,
        source="openssl",
        source_version="1.1.1k-6.el8_5",
    )
    found = report(packages=(package,), findings=(vulnerability(CURL_CVE, package, H),))
    for stated, fits in (
        ("pkg:rpm/redhat/openssl@1.1.1k-6.el8_5?arch=x86_64&epoch=1", True),
        ("pkg:rpm/redhat/openssl@1.1.1k-6.el8_5?arch=src&epoch=1", True),
        ("pkg:rpm/redhat/openssl@1.1.1k-6.el8_5?epoch=2", False),
    ):
        assert bool(judged(openvex(said([stated])), of=found).suppressed) is fits, stated


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"\xff", b'{"bomFormat": "SPDX"}', b"[" * 100_000, b"<csaf/>"])
def test_what_is_no_vex_document_is_refused(data: bytes) -> None:
    with pytest.raises(ParseError):
        read(data, "x")


def test_references_that_unfold_without_end_are_refused() -> None:
    many = [f"p{index}" for index in range(3000)]
    flags = [{"label": "component_not_present", "group_ids": ["g"]}] * 3000
    tree = {"product_groups": [{"group_id": "g", "product_ids": many}]}
    with pytest.raises(ParseError, match="unfold"):
        read(csaf(flags=flags, tree=tree), "x")


SAMPLES = [
    openvex(said([{"@id": OCI, "subcomponents": ["pkg:npm/x"]}])),
    cyclonedx(root={"purl": OCI}),
    csaf(product="web-curl"),
]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_documents_are_read_or_refused(data: st.DataObject) -> None:
    sample = bytearray(data.draw(st.sampled_from(SAMPLES)))
    for _ in range(data.draw(st.integers(1, 6))):
        sample[data.draw(st.integers(0, len(sample) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = read(bytes(sample), "x")
    except ParseError:
        return
    decide(FOUND, Policy(vex=(found,)), TODAY)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_value_in_any_place_is_read_or_refused(data: st.DataObject) -> None:
    document = json.loads(data.draw(st.sampled_from(SAMPLES)))
    node: Any = document
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(node[key], dict | list) or not node[key] or data.draw(st.booleans()):
            node[key] = data.draw(JSON)
            break
        node = node[key]
    try:
        found = read(json.dumps(document).encode(), "x")
    except ParseError:
        return
    decide(FOUND, Policy(vex=(found,)), TODAY)


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("vers:npm/1.2.3|>=2.0.0|<5.0.0", ["1.2.3", "2.0.0", "4.9"], ["1.2.4", "5.0.0", "0.1"]),
        ("vers:pypi/!=1.5|>1|<=2|>=3", ["1.4", "2", "3", "9"], ["1", "1.5", "2.5"]),
        ("vers:deb/<1:2", ["1:1.9", "9"], ["1:2", "2:0"]),
        ("vers:golang/*", ["1"], []),
        ("vers:semver/1.0.0", ["1.0.0"], ["1.0.1"]),
    ],
)
def test_ranges(text: str, inside: list[str], outside: list[str]) -> None:
    assert [vers.contains(text, one) for one in (*inside, *outside)] == [True] * len(inside) + [False] * len(outside)


@pytest.mark.parametrize("text", ["", "vers:", "vers:npm/", "vers:npm/|", "vers:xyz/1", "npm/1", "vers:npm/>=1||<2"])
def test_what_is_no_range(text: str) -> None:
    assert not vers.valid(text)


def test_the_command_line_and_the_configuration_name_documents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from thwart.cli import main
    from thwart.reports import RenderOptions, write

    (tmp_path / "r.json").write_bytes(write("json", [decide(FOUND, Policy(), TODAY)], RenderOptions()))
    (tmp_path / "v.json").write_bytes(openvex(said(["pkg:deb/debian/curl"])))
    monkeypatch.chdir(tmp_path)
    assert main(["gate", "r.json", "--vex", "v.json", "-o", "json"]) == 1
    document = json.loads(capsys.readouterr().out)["reports"][0]
    assert [(one["by"], one["status"], one["document"]) for one in document["suppressed"]] == [
        ("vex", "not_affected", "urn:x:vex")
    ]
    (tmp_path / "thwart.toml").write_text('vex = ["v.json"]\n')
    main(["gate", "r.json", "-o", "json"])
    assert len(json.loads(capsys.readouterr().out)["reports"][0]["suppressed"]) == 1
    for name, words in (("none.json", "cannot be read"), ("thwart.toml", "is no VEX document")):
        assert main(["gate", "r.json", "--vex", name]) == 2
        told = capsys.readouterr().err
        assert words in told
        assert "hint:" in told
