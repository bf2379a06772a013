"""Trust policy documents of the Notary Project: what may be written, and what it then means."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.unit.trust.notation_workshop import (
    ARTIFACT,
    DAY,
    EXPIRY,
    NOW,
    PROTECTED,
    SCHEME,
    Signer,
    data,
    judge,
    name,
    policy,
    slugs,
    statement,
)
from thwart.core.trust import DENIED, UNKNOWN, VERIFIED, Evidence, Reason, Roots, TrustError
from thwart.trust import _notation_names, notation_policy
from thwart.trust._case import RefusedError

NAME = "x509.subject: C=US, ST=WA, O=a"
AUTHENTIC = "io.cncf.notary.authenticSigningTime"


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer()


def level(name_: str, **more: Any) -> dict[str, Any]:
    return {"signatureVerification": {"level": name_, **more}}


NOTHING: dict[str, Any] = {"trustStores": None, "trustedIdentities": None}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {**level("skip"), **NOTHING},
        level("strict", override={"revocation": "skip"}),
        level("audit", override={"authenticity": "enforce"}),
        level("permissive", override={"authenticTimestamp": "log", "expiry": "enforce"}),
        level("strict", verifyTimestamp="afterCertExpiry"),
        {"trustStores": ["tsa:x.y-z_1", "signingAuthority:x"]},
        {"trustedIdentities": [NAME, "x509.subject: C=US, ST=WA, O=b"]},
        {"trustedIdentities": ["x509.subject:C=US,S=WA,O=a\\, b,CN=a=b"]},
        {"registryScopes": ["a.b:5000/c/d-e__f.g", "localhost/x", "A.b/a---b"]},
    ],
)
def test_documents_that_may_be_written(more: dict[str, Any]) -> None:
    assert policy(**more).statements


@pytest.mark.parametrize(
    "more",
    [
        {"name": ""},
        {"unknown": 1},
        level("lax"),
        level(""),
        level("skip"),
        {**level("skip", override={"revocation": "log"}), **NOTHING},
        level("strict", override={"expiry": "skip"}),
        level("strict", override={"integrity": "log"}),
        level("strict", override={"expiry": ["log"]}),
        level("strict", verifyTimestamp="never"),
        {"trustStores": []},
        {"trustStores": ["acme"]},
        {"trustStores": ["other:acme"]},
        {"trustStores": ["ca:../acme"]},
        {"trustedIdentities": []},
        {"trustedIdentities": "*"},
        {"trustedIdentities": ["*", NAME]},
        {"trustedIdentities": [""]},
        {"trustedIdentities": ["plugin: C=US"]},
        {"trustedIdentities": ["x509.subject: C=US, O=a"]},
        {"trustedIdentities": ["x509.subject: C=, ST=WA, O=a"]},
        {"trustedIdentities": [NAME, NAME + ", CN=x"]},
        {"trustedIdentities": [NAME, NAME]},
        {"trustedIdentities": [NAME + ", OU=a, OU=b"]},
        {"trustedIdentities": [NAME + "+OU=a"]},
        {"trustedIdentities": [NAME + ", CN=#0401"]},
        {"trustedIdentities": [NAME + ","]},
        {"trustedIdentities": [NAME + "\\"]},
        {"registryScopes": []},
        {"registryScopes": ["*", "a.b/c"]},
        {"registryScopes": ["a.b/*"]},
        {"registryScopes": ["a.b"]},
        {"registryScopes": ["a.b/c:tag"]},
        {"registryScopes": ["a.b/C"]},
        {"registryScopes": ["a.b/c", "a.b/c"]},
        {"registryScopes": ["a.b/" + "a" * 5000 + "!"]},
    ],
)
def test_documents_that_may_not_be_written(more: dict[str, Any]) -> None:
    with pytest.raises(TrustError):
        policy(**more)


def test_statements_stand_side_by_side() -> None:
    with pytest.raises(TrustError, match="the name 'images' is given twice"):
        policy(statement(), statement(registryScopes=["a.b/c"]))
    with pytest.raises(TrustError, match="given twice"):
        policy(statement(), statement(name="other"))
    for document in (
        b"[]",
        b"{}",
        b'{"version":"1.0","version":"1.0","trustPolicies":[]}',
        b"\xff",
        b'{"version":"2.0"}',
    ):
        with pytest.raises(TrustError):
            notation_policy.read_policy(document)


def test_the_exact_scope_decides_and_without_any_nothing_is_trusted(signer: Signer) -> None:
    exact = statement(name="exact", registryScopes=[ARTIFACT.repository], trustStores=["ca:other"])
    judgement = judge(
        signer.jws(), signer.root_pem, by=policy(statement(), exact), stores={"ca:other": Signer().root_pem}
    )
    assert (judgement.decision, judgement.rule) == (DENIED, "exact")
    parent = policy(registryScopes=["registry.example/team"])
    judgement = judge(signer.jws(), signer.root_pem, by=parent)
    assert (judgement.decision, judgement.reasons[0].slug) == (DENIED, "no-rule")


def test_skip_says_that_it_skips() -> None:
    judgement = judge(
        b"junk", b"", by=policy(**level("skip"), **NOTHING), stores={"ca:acme": b"", "signingAuthority:acme": b""}
    )
    assert (judgement.decision, judgement.reasons[0].slug) == (VERIFIED, "unsafe-accept-anything")
    assert judgement.signatures == ()


LEVELS = ("strict", "permissive", "audit")


@pytest.mark.parametrize("chosen", LEVELS)
def test_levels_enforce_what_their_table_says(chosen: str) -> None:
    """The table "Signature Verification Levels": each failure, and from which level on it is only logged."""
    by = policy(**level(chosen))
    stale = {**PROTECTED, EXPIRY: "2026-07-01T00:00:00Z", "crit": [SCHEME, EXPIRY]}
    plain, old, points = Signer(), Signer(ends=NOW - DAY), Signer(points=True)
    for content, root, logged_from in [
        (plain.jws(), Signer().root_pem, "audit"),
        (plain.jws(stale), plain.root_pem, "permissive"),
        (old.jws(), old.root_pem, "permissive"),
        (points.jws(), points.root_pem, "permissive"),
        (plain.jws()[:-9], plain.root_pem, "never"),
        (plain.jws(target={"digest": "sha256:0"}), plain.root_pem, "never"),
    ]:
        judgement = judge(content, root, by=by)
        logged = logged_from != "never" and LEVELS.index(chosen) >= LEVELS.index(logged_from)
        assert judgement.decision == (VERIFIED if logged else DENIED)
        if logged:
            assert "only logs" in judgement.signatures[0].notes[0]


def test_overrides_replace_one_action() -> None:
    points = Signer(points=True)
    assert (
        judge(points.jws(), points.root_pem, by=policy(**level("strict", override={"revocation": "skip"}))).decision
        == VERIFIED
    )
    enforced = policy(**level("audit", override={"authenticity": "enforce"}))
    assert slugs(judge(points.jws(), Signer().root_pem, by=enforced)) == ["untrusted"]


def test_stores_are_of_the_scheme_s_kind_and_named_by_the_statement(signer: Signer) -> None:
    only = policy(trustStores=["signingAuthority:acme"])
    assert slugs(judge(signer.jws(), signer.root_pem, by=only)) == ["untrusted"]
    assert slugs(judge(signer.jws(), signer.root_pem, by=policy(trustStores=["ca:missing"]))) == ["unknown-name"]
    unnamed = policy(trustStores=["ca:other"])
    assert slugs(judge(signer.jws(), signer.root_pem, by=unnamed, stores={"ca:other": Signer().root_pem})) == [
        "untrusted"
    ]


@pytest.mark.parametrize(
    ("identity", "fits"),
    [
        ("C=US, ST=WA, O=Acme", True),
        ("O=Acme,S=WA,C=US", True),
        ("c=US, st=WA, o=Acme, cn=leaf", True),
        ("C=US, ST=WA, O=acme", False),
        ("C=US, ST=WA, O=Acme, CN=other", False),
        ("C=US, ST=WA, O=Acme, OU=x", False),
        ("C=US, ST=WA, O=Acme Two", False),
    ],
)
def test_identities_are_parts_of_the_subject(signer: Signer, identity: str, fits: bool) -> None:
    judgement = judge(signer.jws(), signer.root_pem, by=policy(trustedIdentities=["x509.subject: " + identity]))
    assert slugs(judgement) == ([] if fits else ["wrong-identity"])


def test_odd_names_are_compared_as_what_they_say() -> None:
    odd = Signer(subject=name("leaf", O='Acme, Inc. + "Söhne" '))
    for written in ('O=Acme\\, Inc. \\+ \\"Söhne\\"\\ ', "O=Acme\\2C Inc. \\2b \\22S\\C3\\B6hne\\22\\20"):
        by = policy(trustedIdentities=["x509.subject: C=US, ST=WA, " + written])
        assert judge(odd.jws(), odd.root_pem, by=by).decision == VERIFIED
    for subject in (name("leaf", C=""), x509.Name([*name("leaf", OU="a"), *name("x", OU="b")])):
        nobody = Signer(subject=subject)
        by = policy(trustedIdentities=["x509.subject: C=US, ST=WA, O=Acme"])
        assert slugs(judge(nobody.jws(), nobody.root_pem, by=by)) == ["name"]


@given(st.text(max_size=60))
def test_any_text_is_a_name_or_refused(text: str) -> None:
    with contextlib.suppress(RefusedError):
        assert {"C", "ST", "O"} <= set(_notation_names.parse("C=a,ST=b," + text))


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20))
def test_escaped_values_come_back(value: str) -> None:
    escaped = "".join(f"\\{byte:02x}" for byte in value.encode())
    assert _notation_names.parse(f"C=a, ST=b, O={escaped}")["O"] == value


def test_timestamps_are_asked_for_as_the_statement_says() -> None:
    stamped, root = data("stamped-p521.jws"), data("p521.root.pem")
    tsa = {"tsa:t": data("tsa.root.pem")}
    always = policy(trustStores=["ca:acme", "tsa:t"])
    judgement = judge(stamped, root, by=always, stores=tsa)
    assert [one.source for one in judgement.signatures[0].moments] == ["timestamp"]
    assert judgement.signatures[0].moments[0].at == datetime(2026, 11, 23, 20, 23, 50, tzinfo=UTC)
    bare = json.dumps({**json.loads(stamped), "header": {"x5c": json.loads(stamped)["header"]["x5c"]}}).encode()
    assert slugs(judge(bare, root, by=always, stores=tsa)) == ["no-timestamp"]
    later = policy(trustStores=["ca:acme", "tsa:t"], **level("strict", verifyTimestamp="afterCertExpiry"))
    assert judge(bare, root, by=later, stores=tsa).decision == VERIFIED
    after = datetime(2126, 6, 1, tzinfo=UTC)
    assert slugs(judge(bare, root, by=later, stores=tsa, now=after)) == ["no-timestamp"]
    assert judge(stamped, root, by=later, stores=tsa, now=after).decision == VERIFIED
    assert slugs(judge(stamped, root, by=always, stores={"tsa:t": root})) == ["timestamp"]


def test_revoked_certificates_are_refused() -> None:
    signer = Signer(points=True)
    for lists, found in [
        ((), ["revocation-unknown"]),
        ((signer.revoke(serial=7),), []),
        ((signer.revoke(),), ["revoked"]),
        ((signer.revoke(serial=7, next_update=NOW - DAY),), ["revocation-unknown"]),
        ((signer.revoke(serial=7, by=ec.generate_private_key(ec.SECP256R1())),), ["revocation-unknown"]),
        ((signer.revoke(serial=7), signer.revoke()), ["revoked"]),
        ((Signer().revoke(),), ["revocation-unknown"]),
    ]:
        revoked = {str(at): one for at, one in enumerate(lists)}
        assert slugs(judge(signer.jws(), signer.root_pem, revoked=revoked)) == found
    with pytest.raises(TrustError, match="the revocation list 'x' is malformed"):
        judge(signer.jws(), signer.root_pem, revoked={"x": b"junk"})


def test_scopes_of_lists_and_deltas() -> None:
    signer = Signer(points=True)
    number, later = (x509.CRLNumber(5), False), (x509.CRLNumber(6), False)

    def scope(address: str, **more: bool) -> tuple[x509.ExtensionType, bool]:
        flags = ("only_contains_user_certs", "only_contains_ca_certs", "indirect_crl", "only_contains_attribute_certs")
        given_ = {flag: more.get(flag, False) for flag in flags}
        names = [x509.UniformResourceIdentifier(address)]
        return x509.IssuingDistributionPoint(names, None, only_some_reasons=None, **given_), True

    mine, other = "http://crl.example.test/a", "http://crl.example.test/b"
    base = signer.revoke(serial=7, extensions=(number,))
    for lists, found in [
        ((signer.revoke(serial=7, extensions=(scope(mine),)),), []),
        ((signer.revoke(serial=7, extensions=(scope(other),)),), ["revocation-unknown"]),
        ((signer.revoke(serial=7, extensions=(scope(mine, only_contains_ca_certs=True),)),), ["revocation-unknown"]),
        ((signer.revoke(serial=7, extensions=(scope(mine, only_contains_user_certs=True),)),), []),
        ((base, signer.revoke(extensions=(later, (x509.DeltaCRLIndicator(5), True)))), ["revoked"]),
        ((base, signer.revoke(extensions=(later, (x509.DeltaCRLIndicator(6), True)))), ["revoked"]),
        ((base, signer.revoke(serial=7, extensions=(later, (x509.DeltaCRLIndicator(5), True)))), []),
        (
            (base, signer.revoke(serial=7, extensions=(later, (x509.DeltaCRLIndicator(6), True)))),
            ["revocation-unknown"],
        ),
        ((base, signer.revoke(extensions=(number, (x509.DeltaCRLIndicator(4), True)))), []),
        ((signer.revoke(serial=7, extensions=(later, (x509.DeltaCRLIndicator(5), True))),), ["revocation-unknown"]),
    ]:
        revoked = {str(at): one for at, one in enumerate(lists)}
        assert slugs(judge(signer.jws(), signer.root_pem, revoked=revoked)) == found


def test_holds_end_and_revocations_do_not_reach_back() -> None:
    signer = Signer(points=True)
    hold, lift = x509.CRLReason(x509.ReasonFlags.certificate_hold), x509.CRLReason(x509.ReasonFlags.remove_from_crl)
    held = signer.revoke(entry=(hold,), extensions=((x509.CRLNumber(1), False),))
    delta = ((x509.CRLNumber(2), False), (x509.DeltaCRLIndicator(1), True))
    lifted = signer.revoke(entry=(lift,), extensions=delta, at=NOW)
    assert slugs(judge(signer.jws(), signer.root_pem, revoked={"a": held})) == ["revoked"]
    assert slugs(judge(signer.jws(), signer.root_pem, revoked={"a": held, "b": lifted})) == []
    since = signer.revoke(entry=(x509.InvalidityDate((NOW - 9 * DAY).replace(tzinfo=None)),))
    protected = {**PROTECTED, SCHEME: "notary.x509.signingAuthority", "crit": [SCHEME, AUTHENTIC]}
    del protected["io.cncf.notary.signingTime"]
    before, after = ({**protected, AUTHENTIC: at} for at in ("2026-11-01T00:00:00Z", "2026-11-25T00:00:00Z"))
    assert slugs(judge(signer.jws(before), signer.root_pem, revoked={"a": since})) == []
    assert slugs(judge(signer.jws(after), signer.root_pem, revoked={"a": since})) == ["revoked"]
    assert slugs(judge(signer.jws(), signer.root_pem, revoked={"a": since})) == ["revoked"]


def test_stores_hold_only_what_belongs_there(signer: Signer) -> None:
    root, leaf = signer.root_pem, signer.leaf.public_bytes(Encoding.DER)
    joined = notation_policy.store("ca:acme", {"a.pem": root, "b.der": signer.root.public_bytes(Encoding.DER)})
    assert joined == root * 2
    assert notation_policy.store("tsa:acme", {"a.pem": root}) == root
    for kind, files in [
        ("ca:acme", {"leaf.crt": leaf}),
        ("ca:acme", {}),
        ("ca:acme", {"junk": b"junk"}),
        ("other:acme", {"a.pem": root}),
        ("tsa:acme", {"leaf.crt": leaf}),
    ]:
        with pytest.raises(TrustError):
            notation_policy.store(kind, files)


def test_one_good_signature_is_enough_and_lost_evidence_is_not_absence(signer: Signer) -> None:
    stores = Roots(stores={"ca:acme": signer.root_pem, "signingAuthority:acme": signer.root_pem})
    good = judge(signer.jws(), signer.root_pem)
    assert good.signatures[0].where == "here"
    lost = Evidence(missing=(Reason(slug="network", sentence="no answer"),))
    assert notation_policy.judge(ARTIFACT, lost, policy(), stores, NOW).decision == UNKNOWN
    assert notation_policy.judge(ARTIFACT, Evidence(), policy(), stores, NOW).decision == DENIED
    with pytest.raises(TrustError):
        notation_policy.judge(replace(ARTIFACT, digests=()), Evidence(), policy(), stores, NOW)
