"""Envelopes of the Notary Project: those of notation-core-go are verified, and bent ones are not."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.unit.trust.notation_workshop import (
    ARTIFACT,
    COSE_PROTECTED,
    DAY,
    DIGEST,
    EXPIRY,
    NOW,
    PROTECTED,
    SCHEME,
    SIGNED,
    TARGET,
    Signer,
    data,
    judge,
    slugs,
)
from thwart import trust
from thwart.core.trust import BOUNDS, DENIED, UNKNOWN, VERIFIED, Evidence, Judgement, Piece, Reason, Roots
from thwart.trust import _notation_envelope
from thwart.trust._case import RefusedError

AUTHENTIC = "io.cncf.notary.authenticSigningTime"
STAMP = "io.cncf.notary.timestampSignature"


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer()


@pytest.mark.parametrize(
    ("file", "root", "moment"),
    [
        ("p256.jws", "p256.root.pem", "clock"),
        ("p256.cose", "p256.root.pem", "clock"),
        ("rsa2048-authority.jws", "rsa2048.root.pem", "authority"),
        ("rsa2048-authority.cose", "rsa2048.root.pem", "authority"),
    ],
)
def test_envelopes_of_the_reference_are_verified(file: str, root: str, moment: str) -> None:
    judgement = judge(data(file), data(root))
    assert judgement.decision == VERIFIED
    (signature,) = judgement.signatures
    assert signature.identity is not None
    assert signature.identity.subject.endswith("O=Notary,L=Seattle,ST=WA,C=US")
    assert signature.digest == DIGEST
    assert signature.annotations == {"io.wabbit-networks.buildId": "123"}
    assert [one.source for one in signature.moments] == [moment]


def test_what_is_not_understood_is_noted_or_if_critical_refused() -> None:
    root = data("extra.root.pem")
    judgement = judge(data("extra.jws"), root)
    assert judgement.signatures[0].notes == ("signed attributes that are not known: io.example.extra",)
    assert slugs(judge(data("critical.jws"), root)) == ["critical"]


def test_another_artifact_is_not_vouched_for() -> None:
    root = data("p256.root.pem")
    for bent, slug in [
        (replace(ARTIFACT, digests=("sha256:" + "0" * 64,)), "wrong-digest"),
        (replace(ARTIFACT, size=16725), "wrong-size"),
        (replace(ARTIFACT, media_type="application/vnd.oci.image.index.v1+json"), "wrong-media-type"),
    ]:
        assert slugs(judge(data("p256.jws"), root, artifact=bent)) == [slug]
    assert judge(data("p256.jws"), root, artifact=replace(ARTIFACT, size=-1, media_type="")).decision == VERIFIED


@pytest.mark.parametrize(
    ("slug", "change"),
    [
        ("algorithm", {"alg": "none"}),
        ("algorithm", {"alg": "HS256"}),
        ("algorithm", {"alg": "RS256"}),
        ("algorithm", {"alg": "PS256"}),
        ("algorithm", {"alg": "ES384"}),
        ("malformed", {"alg": 1}),
        ("payload-type", {"cty": "application/json"}),
        ("critical", {"crit": None}),
        ("critical", {"crit": []}),
        ("critical", {"crit": SCHEME}),
        ("critical", {"crit": [SIGNED]}),
        ("critical", {"crit": [SCHEME, SCHEME]}),
        ("critical", {"crit": [SCHEME, EXPIRY]}),
        ("critical", {"crit": [SCHEME, "b64"], "b64": False}),
        ("critical", {"crit": [SCHEME, ["a"]]}),
        ("critical", {EXPIRY: "2100-01-01T00:00:00Z"}),
        ("malformed", {EXPIRY: "2020-01-01T00:00:00Z", "crit": [SCHEME, EXPIRY]}),
        ("malformed", {EXPIRY: 4102444800, "crit": [SCHEME, EXPIRY]}),
        ("expired", {EXPIRY: "2026-07-01T00:00:00Z", "crit": [SCHEME, EXPIRY]}),
        ("malformed", {SIGNED: "yesterday"}),
        ("malformed", {SIGNED: None}),
        ("malformed", {AUTHENTIC: "2026-06-01T12:00:00Z"}),
        ("scheme", {SCHEME: "notary.x509.other"}),
        ("scheme", {SCHEME: ["notary.x509"]}),
        ("critical", {SCHEME: "notary.x509.signingAuthority", SIGNED: None, AUTHENTIC: "2026-06-01T12:00:00Z"}),
        ("attribute", {"io.cncf.notary.verificationPlugin": "com.example.plugin"}),
    ],
)
def test_protected_headers_that_are_not_as_they_must_be(signer: Signer, slug: str, change: dict[str, Any]) -> None:
    assert judge(signer.jws(PROTECTED), signer.root_pem).decision == VERIFIED
    bent = {key: value for key, value in {**PROTECTED, **change}.items() if value is not None}
    assert slugs(judge(signer.jws(bent), signer.root_pem)) == [slug]


@pytest.mark.parametrize(
    ("slug", "change"),
    [
        ("algorithm", {1: -37}),
        ("algorithm", {1: -8}),
        ("algorithm", {1: "ES256"}),
        ("algorithm", {1: -7.0}),
        ("payload-type", {3: 50}),
        ("critical", {2: []}),
        ("critical", {2: [SCHEME, 99], 99: 1}),
        ("critical", {2: [SCHEME, 1]}),
        ("malformed", {SIGNED: 1780315200}),
        ("malformed", {SIGNED: cbor2.CBORTag(1, 1780315200.5)}),
        ("malformed", {SIGNED: cbor2.CBORTag(0, "2026-06-01T12:00:00Z")}),
        ("malformed", {SIGNED: cbor2.CBORTag(1, 1 << 62)}),
        ("malformed", {"x": cbor2.CBORTag(35, "(a+)+$")}),
        ("critical", {EXPIRY: cbor2.CBORTag(1, 4102444800)}),
    ],
)
def test_cose_headers_that_are_not_as_they_must_be(signer: Signer, slug: str, change: dict[Any, Any]) -> None:
    assert judge(signer.cose(), signer.root_pem).decision == VERIFIED
    assert slugs(judge(signer.cose({**COSE_PROTECTED, **change}), signer.root_pem)) == [slug]


def test_a_member_given_twice_is_refused(signer: Signer) -> None:
    twice = json.dumps(PROTECTED)[:-1] + ',"alg":"ES256"}'
    assert slugs(judge(signer.jws(raw=twice.encode()), signer.root_pem)) == ["malformed"]
    plain = cbor2.dumps(COSE_PROTECTED)
    assert slugs(judge(signer.cose(raw=bytes([plain[0] + 1]) + plain[1:] + b"\x01\x26"), signer.root_pem)) == [
        "malformed"
    ]
    whole = signer.jws()
    assert slugs(judge(whole[:-1] + b',"payload":"e30"}', signer.root_pem)) == ["malformed"]


def test_the_order_of_a_map_is_free_but_its_length_is_not(signer: Signer) -> None:
    backwards = dict(reversed(list(COSE_PROTECTED.items())))
    assert judge(signer.cose(backwards), signer.root_pem).decision == VERIFIED
    plain = cbor2.dumps(COSE_PROTECTED)
    for raw in (plain + b"\0", b"\xbf" + plain[1:] + b"\xff", plain[:-1], b"\xa0"):
        assert judge(signer.cose(raw=raw), signer.root_pem).decision == DENIED


def test_the_tag_is_there_once_and_nothing_follows(signer: Signer) -> None:
    for tag in (b"", b"\xd2\xd2", b"\xd8\x12", b"\xd1", b"\xd9\xd9\xf7\xd2"):
        assert slugs(judge(signer.cose(tag=tag), signer.root_pem)) == ["malformed"], tag
    assert slugs(judge(signer.cose(tail=b"\0"), signer.root_pem)) == ["malformed"]


def test_hostile_cbor_costs_nothing(signer: Signer) -> None:
    for content in (b"\xd2" + b"\x81" * 100_000, b"\xd2\x9b" + b"\xff" * 8, b"\xd2\x84\x5b" + b"\xff" * 8, b"\xd2"):
        assert slugs(judge(content, signer.root_pem)) == ["malformed"]
    assert slugs(judge(b"\xd2" + b"\0" * (5 << 20), signer.root_pem)) == ["too-large"]
    assert slugs(judge(b'{"a":' + b"[" * 100_000, signer.root_pem)) == ["malformed"]


def test_certificates_come_in_order_and_in_bounds(signer: Signer) -> None:
    chain = [base64.b64encode(one).decode() for one in signer.chain]
    for listed, slug in [
        (chain[::-1], "certificate"),
        (chain[:1], "certificate"),
        (chain[1:], "certificate"),
        ([chain[0], chain[0], chain[1]], "certificate"),
        ([*chain, chain[1]], "certificate"),
        ([], "certificate"),
        ([*chain, "AAAA"], "malformed"),
        ([*chain, *chain[1:] * 40], "too-many"),
        ([*chain, 1], "certificate"),
    ]:
        assert slugs(judge(signer.jws(header={"x5c": listed}), signer.root_pem)) == [slug]
    assert slugs(judge(signer.cose(unprotected={}), signer.root_pem)) == ["certificate"]
    assert slugs(judge(signer.cose(unprotected={33: [b"x"]}), signer.root_pem)) == ["malformed"]


def test_what_is_not_signed_may_not_speak(signer: Signer) -> None:
    chain = {"x5c": [base64.b64encode(one).decode() for one in signer.chain]}
    for more in ({"alg": "ES256"}, {"crit": ["x"]}, {SCHEME: "notary.x509"}):
        assert slugs(judge(signer.jws(header={**chain, **more}), signer.root_pem)) == ["malformed"]
    assert judge(signer.jws(header={**chain, "unheard-of": 1}), signer.root_pem).decision == VERIFIED
    assert slugs(judge(signer.jws(signatures=[]), signer.root_pem)) == ["malformed"]
    assert slugs(judge(signer.cose(unprotected={33: signer.chain, 1: -7}), signer.root_pem)) == ["malformed"]


@pytest.mark.parametrize(
    "bend",
    [
        {"usages": ()},
        {"usages": ("content_commitment",)},
        {"usages": ("digital_signature", "key_encipherment")},
        {"usages": ("digital_signature", "key_cert_sign")},
        {"purposes": (ExtendedKeyUsageOID.SERVER_AUTH,)},
        {"purposes": (ExtendedKeyUsageOID.CODE_SIGNING, ExtendedKeyUsageOID.SERVER_AUTH)},
        {"purposes": (ExtendedKeyUsageOID.CODE_SIGNING, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE)},
        {"purposes": (ExtendedKeyUsageOID.TIME_STAMPING,)},
        {"ca": True},
    ],
)
def test_certificates_that_may_not_sign(bend: dict[str, Any]) -> None:
    signer = Signer(**bend)
    assert slugs(judge(signer.jws(), signer.root_pem)) == ["certificate"]


def test_certificates_that_may_sign() -> None:
    for bend in ({"purposes": None}, {"ca": False}, {"usages": ("digital_signature", "content_commitment")}):
        signer = Signer(**bend)
        assert judge(signer.jws(), signer.root_pem).decision == VERIFIED
    large = Signer(curve=ec.SECP384R1())
    assert slugs(judge(large.jws(), large.root_pem)) == ["algorithm"]
    assert judge(large.jws({**PROTECTED, "alg": "ES384"}), large.root_pem).decision == VERIFIED


def test_a_root_of_the_same_name_is_another_root(signer: Signer) -> None:
    impostor = Signer()
    assert impostor.root.subject == signer.root.subject
    assert slugs(judge(impostor.jws(), signer.root_pem)) == ["untrusted"]


def test_certificates_are_valid_when_it_counts() -> None:
    for bend, slug in [
        ({"ends": NOW - DAY}, "expired"),
        ({"begins": NOW + DAY}, "not-yet-valid"),
    ]:
        signer = Signer(**bend)  # type: ignore[arg-type]
        assert slugs(judge(signer.jws(), signer.root_pem)) == [slug]
    old = Signer(ends=NOW - DAY)
    protected = {**PROTECTED, SCHEME: "notary.x509.signingAuthority", "crit": [SCHEME, AUTHENTIC]}
    del protected[SIGNED]
    inside = {**protected, AUTHENTIC: "2026-06-01T12:00:00Z"}
    assert judge(old.jws(inside), old.root_pem).decision == VERIFIED
    for at, slug in [("2026-12-01T00:00:00Z", "expired"), ("2027-01-01T00:00:00Z", "future")]:
        assert slugs(judge(old.jws({**protected, AUTHENTIC: at}), old.root_pem)) == [slug]


def test_a_signature_of_another_length_or_text_is_refused(signer: Signer) -> None:
    whole = json.loads(signer.jws())
    for bent in (whole["signature"][:-2], whole["signature"] + "AA", whole["signature"] + "=", "", "*"):
        assert judge(json.dumps({**whole, "signature": bent}).encode(), signer.root_pem).decision == DENIED
    other = json.loads(signer.jws(target={**TARGET, "annotations": {"a": "b"}}))
    assert slugs(judge(json.dumps({**whole, "payload": other["payload"]}).encode(), signer.root_pem)) == ["signature"]


@pytest.mark.parametrize(
    ("slug", "change"),
    [
        ("wrong-size", {"size": "16724"}),
        ("wrong-size", {"size": None}),
        ("malformed", {"size": 16724.0}),
        ("wrong-size", {"size": 1}),
        ("wrong-digest", {"digest": "sha512:" + "0" * 128}),
        ("wrong-media-type", {"mediaType": "text/plain"}),
        ("malformed", {"annotations": {"a": 1}}),
    ],
)
def test_payloads_for_something_else(signer: Signer, slug: str, change: dict[str, Any]) -> None:
    assert slugs(judge(signer.jws(target={**TARGET, **change}), signer.root_pem)) == [slug]


@pytest.mark.parametrize("file", ["p256.jws", "p256.cose"])
def test_any_flipped_bit_is_refused_or_means_the_same(file: str) -> None:
    content, root = data(file), data("p256.root.pem")
    meant = judge(content, root).signatures
    survivors = []

    @settings(max_examples=300, deadline=None)
    @given(st.integers(0, len(content) * 8 - 1))
    def flip(at: int) -> None:
        bent = bytearray(content)
        bent[at // 8] ^= 1 << at % 8
        judgement = judge(bytes(bent), root)
        if judgement.decision == VERIFIED:
            assert judgement.signatures == meant
            survivors.append(at)

    flip()
    assert len(survivors) < 60  # in the name of the signing tool, which nobody believes


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 4000), st.sampled_from(["p256.jws", "p256.cose"]))
def test_a_cut_envelope_is_refused(length: int, file: str) -> None:
    whole = data(file)
    assert judge(whole[: length % len(whole)], data("p256.root.pem")).decision == DENIED


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.booleans())
def test_junk_is_refused(junk: bytes, tagged: bool) -> None:
    with pytest.raises(RefusedError):
        _notation_envelope.read(b"\xd2\x84" + junk if tagged else junk, BOUNDS)


def _house(
    policy: str, roots: Roots, *pieces: bytes, missing: tuple[Reason, ...] = (), now: datetime = NOW
) -> Judgement:
    found = tuple(Piece(format="notation", where=f"piece {at}", content=one) for at, one in enumerate(pieces))
    read = trust.policy.parse(policy.encode(), "thwart.toml")
    return trust.verify(ARTIFACT, Evidence(pieces=found, missing=missing), read, trust.read_roots(roots), now)


LEAF = """
[[trust]]
scope = "registry.example"
format = "notation"
subject = "CN=leaf,O=Acme,ST=WA,C=US"
authority = "{}"
"""


def test_the_house_s_policy_speaks_of_notation(signer: Signer) -> None:
    stores = Roots(stores={"ca:acme": signer.root_pem})
    judgement = _house(LEAF.format("ca:acme"), stores, signer.jws())
    assert judgement.decision == VERIFIED
    assert judgement.signatures[0].authority == "ca:acme"
    assert _house(LEAF.format("ca:other"), stores, signer.jws()).decision == DENIED
    assert _house(LEAF.format("ca:acme"), stores, Signer().jws()).decision == DENIED
    assert _house(LEAF.format("acme"), Roots(authorities={"acme": signer.root_pem}), signer.cose()).decision == VERIFIED
    lost = (Reason(slug="network", sentence="no answer"),)
    assert _house(LEAF.format("ca:acme"), stores, missing=lost).decision == UNKNOWN


def test_the_house_counts_signers_not_signatures(signer: Signer) -> None:
    other = Signer(subject=signer.root.subject)
    text = """
[[trust]]
scope = "registry.example"
at-least = 2
of = [
  {format = "notation", unsafe-any-identity = true, authority = "ca:one"},
  {format = "notation", unsafe-any-identity = true, authority = ["ca:one", "ca:two"]},
]
"""
    roots = Roots(stores={"ca:one": signer.root_pem, "ca:two": other.root_pem})
    assert _house(text, roots, signer.jws(), signer.cose()).decision == DENIED
    assert _house(text, roots, signer.jws(), other.cose()).decision == VERIFIED


def test_the_house_believes_timestamps_and_revocation_lists(signer: Signer) -> None:
    text = """
[[trust]]
scope = "**"
format = "notation"
unsafe-any-identity = true
authority = "ca:a"
timestamp = true
"""
    roots = Roots(stores={"ca:a": data("p521.root.pem"), "tsa:t": data("tsa.root.pem")})
    judgement = _house(text, roots, data("stamped-p521.jws"))
    assert [one.source for one in judgement.signatures[0].moments] == ["timestamp"]
    untimed = Roots(stores={"ca:a": data("p521.root.pem")})
    assert _house(text, untimed, data("stamped-p521.jws")).decision == DENIED
    revoked = Roots(stores={"ca:acme": signer.root_pem}, revoked={"list": signer.revoke()})
    assert slugs(_house(LEAF.format("ca:acme"), revoked, signer.jws())) == ["revoked"]


def test_a_timestamp_of_another_signature_is_refused() -> None:
    whole, other = json.loads(data("stamped-p521.jws")), Signer(curve=ec.SECP521R1())
    chain = [base64.b64encode(one).decode() for one in other.chain]
    moved = other.jws({**PROTECTED, "alg": "ES512"}, header={"x5c": chain, STAMP: whole["header"][STAMP]})
    roots = Roots(stores={"ca:acme": other.root_pem, "tsa:t": data("tsa.root.pem")})
    assert slugs(_house(LEAF.format("ca:acme"), roots, moved)) == ["timestamp"]


def test_a_time_to_come_is_nobody_s() -> None:
    roots = Roots(stores={"ca:a": data("p521.root.pem"), "tsa:t": data("tsa.root.pem")})
    early = datetime(2026, 11, 1, tzinfo=UTC)
    assert slugs(_house(LEAF.format("ca:a"), roots, data("stamped-p521.jws"), now=early)) == ["future"]
