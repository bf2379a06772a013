"""Sigstore bundles that are right, and every way in which one can be wrong."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.trust.workshop import DAY, START, Workshop, der, public_pem
from thwart import trust
from thwart.core.trust import DENIED, VERIFIED, Artifact, Evidence, Judgement, Piece, Roots, TrustError
from thwart.trust import envelopes, policy

DATA = b"hello"
FILE = Artifact(digests=("sha256:" + hashlib.sha256(DATA).hexdigest(),), content=DATA)
SHOP = Workshop()
GOOD = SHOP.bundle(DATA)
NOW = START + 30 * DAY
WHO = 'subject = "dev@example.test"\nissuer = "https://id.example.test"\nunsafe-no-sct = true'


def judge(
    bundle: object, rule: str = WHO, root: bytes | None = None, artifact: Artifact = FILE, **roots: Any
) -> Judgement:
    stated = policy.parse(f'[[trust]]\nscope = "files"\n{rule}\n'.encode(), "thwart.toml")
    anchors = trust.read_roots(Roots(sigstore={"own": root or SHOP.trusted_root()}, **roots))
    content = bundle if isinstance(bundle, bytes) else json.dumps(bundle).encode()
    piece = Piece(format="bundle", where="f.sigstore.json", content=content)
    return trust.verify(artifact, Evidence(pieces=(piece,)), stated, anchors, NOW)


def slugs(judgement: Judgement) -> set[str]:
    assert judgement.decision == DENIED
    return {reason.slug for reason in judgement.refused}


def test_a_good_bundle_long_after_its_certificate_expired() -> None:
    judgement = judge(GOOD)
    assert judgement.decision == VERIFIED, judgement.refused
    (signature,) = judgement.signatures
    assert signature.identity is not None
    assert (signature.identity.subject, signature.identity.issuer) == ("dev@example.test", "https://id.example.test")
    assert [(moment.at, moment.source) for moment in signature.moments] == [(START, "log")]
    assert signature.logs == ("log.example.test",)


def test_without_the_certificate_logs_promise_a_sigstore_certificate_does_not_count() -> None:
    assert slugs(judge(GOOD, 'subject = "dev@example.test"\nissuer = "https://id.example.test"')) == {"no-sct"}


def test_the_certificate_logs_promise_is_over_this_certificate_and_its_issuer() -> None:
    rule = 'subject = "dev@example.test"\nissuer = "https://id.example.test"'
    log: dict[str, Any] = {"ct_logs": {"own": public_pem(SHOP.ct_key)}}
    judgement = judge(SHOP.bundle(DATA, promised=True), rule, **log)
    assert judgement.decision == VERIFIED, judgement.refused
    assert judgement.signatures[0].promised
    assert slugs(judge(SHOP.bundle(DATA, promised=True), rule)) == {"no-sct"}
    other: dict[str, Any] = {"ct_logs": {"own": public_pem(Workshop().ct_key)}}
    assert slugs(judge(SHOP.bundle(DATA, promised=True), rule, **other)) == {"no-sct"}
    early = SHOP.stamp_list
    try:
        SHOP.stamp_list = lambda certificate, at: early(certificate + b"0", at)  # type: ignore[method-assign]
        assert slugs(judge(SHOP.bundle(DATA, promised=True), rule, **log)) == {"no-sct"}
    finally:
        SHOP.stamp_list = early  # type: ignore[method-assign]


@pytest.mark.parametrize("version", [";version=0.1", ";version=0.2", ";version=0.3"])
def test_older_spellings_of_the_media_type(version: str) -> None:
    bundle = {**GOOD, "mediaType": "application/vnd.dev.sigstore.bundle+json" + version}
    assert judge(bundle).decision == VERIFIED


def entry(bundle: dict[str, Any]) -> Any:
    return bundle["verificationMaterial"]["tlogEntries"][0]


def change(bundle: dict[str, Any], path: str, value: object) -> None:
    *steps, last = path.split("/")
    node: Any = bundle
    for step in steps:
        node = node[int(step) if step.isdigit() else step]
    node[last] = value


def other_checkpoint_key(bundle: dict[str, Any]) -> None:
    envelope = entry(bundle)["inclusionProof"]["checkpoint"]["envelope"]
    head, _, tail = envelope.rpartition(" ")
    entry(bundle)["inclusionProof"]["checkpoint"]["envelope"] = f"{head} AAAA{tail[4:]}"


def swapped_entry(bundle: dict[str, Any]) -> None:
    """CVE-2022-36056: a real entry of the same log, for another signature."""
    bundle["verificationMaterial"]["tlogEntries"] = SHOP.bundle(DATA)["verificationMaterial"]["tlogEntries"]


def swapped_certificate(bundle: dict[str, Any]) -> None:
    bundle["verificationMaterial"]["certificate"] = SHOP.bundle(DATA)["verificationMaterial"]["certificate"]


T = "verificationMaterial/tlogEntries/0/"
WRONG: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "media type": (lambda b: change(b, "mediaType", "application/vnd.dev.sigstore.bundle.v0.4+json"), "media-type"),
    "no log entry": (lambda b: change(b, "verificationMaterial/tlogEntries", []), "expired"),
    "no proof": (lambda b: entry(b).pop("inclusionProof"), "log"),
    "no checkpoint": (lambda b: entry(b)["inclusionProof"].pop("checkpoint"), "log"),
    "checkpoint by another key": (other_checkpoint_key, "log"),
    "root": (lambda b: change(b, T + "inclusionProof/rootHash", "A" * 43 + "="), "log"),
    "truncated proof": (lambda b: change(b, T + "inclusionProof/hashes", []), "log"),
    "proof of a thousand hashes": (
        lambda b: change(b, T + "inclusionProof/hashes", ["A" * 43 + "="] * 1000),
        "malformed",
    ),
    "index beyond the tree": (lambda b: change(b, T + "inclusionProof/logIndex", "2"), "log"),
    "index negative": (lambda b: change(b, T + "inclusionProof/logIndex", "-1"), "malformed"),
    "size of 2^70": (lambda b: change(b, T + "inclusionProof/treeSize", str(1 << 70)), "malformed"),
    "promised time changed": (lambda b: change(b, T + "integratedTime", str(int(START.timestamp()) + 1)), "log"),
    "another index promised": (lambda b: change(b, T + "logIndex", "8"), "log"),
    "kind changed": (lambda b: change(b, T + "kindVersion/kind", "dsse"), "log-binding"),
    "unknown kind": (lambda b: change(b, T + "kindVersion/version", "9.9.9"), "log-binding"),
    "unknown log": (lambda b: change(b, T + "logId/keyId", "A" * 43 + "="), "log"),
    "swapped entry": (swapped_entry, "log-binding"),
    "swapped certificate": (swapped_certificate, "signature"),
    "digest": (lambda b: change(b, "messageSignature/messageDigest/digest", "A" * 43 + "="), "wrong-digest"),
    "signature": (lambda b: change(b, "messageSignature/signature", SHOP.base64(b"0" * 70)), "signature"),
    "empty signature": (lambda b: change(b, "messageSignature/signature", ""), "malformed"),
    "both contents": (lambda b: b.update(dsseEnvelope={}), "malformed"),
    "two ways to the key": (lambda b: b["verificationMaterial"].update(publicKey={"hint": "x"}), "malformed"),
    "a hundred entries": (lambda b: change(b, "verificationMaterial/tlogEntries", [entry(b)] * 100), "too-many"),
    "one right and one wrong entry": (
        lambda b: change(b, "verificationMaterial/tlogEntries", [entry(b), {**entry(b), "logIndex": "9"}]),
        "log",
    ),
}


@pytest.mark.parametrize("how", WRONG)
def test_a_wrong_bundle_is_refused(how: str) -> None:
    spoil, slug = WRONG[how]
    bundle = copy.deepcopy(GOOD)
    spoil(bundle)
    assert slugs(judge(bundle)) == {slug}


def test_certificates_that_do_not_hold_at_the_proven_time() -> None:
    assert slugs(judge(SHOP.bundle(DATA, at=START, begins=START - DAY))) == {"expired"}
    assert slugs(judge(SHOP.bundle(DATA, at=START, begins=START + DAY))) == {"not-yet-valid"}
    assert slugs(judge(SHOP.bundle(DATA, usage=ExtendedKeyUsageOID.SERVER_AUTH))) == {"certificate"}
    assert slugs(judge(SHOP.bundle(DATA, signer=SHOP.root_key))) == {"untrusted"}
    assert slugs(judge(SHOP.bundle(DATA, at=NOW + DAY))) == {"future"}


def test_another_authority_of_the_same_names() -> None:
    shop = Workshop()
    shop.log_key = SHOP.log_key
    assert slugs(judge(shop.bundle(DATA))) == {"untrusted"}


def test_the_logs_window_is_closed_at_both_ends() -> None:
    moment = f"{START:%Y-%m-%dT%H:%M:%SZ}"
    assert judge(GOOD, root=SHOP.trusted_root(end=moment)).decision == VERIFIED
    before = f"{START - timedelta(seconds=1):%Y-%m-%dT%H:%M:%SZ}"
    assert slugs(judge(GOOD, root=SHOP.trusted_root(end=before))) == {"log"}


def test_a_trusted_root_that_does_not_say_from_when_is_an_error() -> None:
    with pytest.raises(TrustError, match="from when"):
        judge(GOOD, root=SHOP.trusted_root(start=""))


def test_identities_are_compared_whole() -> None:
    for subject in ("ev@example.test", "dev@example.tes", "DEV@example.test"):
        rule = f'subject = "{subject}"\nissuer = "https://id.example.test"\nunsafe-no-sct = true'
        assert slugs(judge(GOOD, rule)) == {"wrong-identity"}
    rule = 'subject = "dev@example.test"\nissuer = "https://id.example.tes"\nunsafe-no-sct = true'
    assert slugs(judge(GOOD, rule)) == {"wrong-issuer"}


# -- envelopes ----------------------------------------------------------------------------------------------------------

KEYS = {"release": public_pem(SHOP.root_key)}
STATEMENT: dict[str, Any] = {
    "_type": "https://in-toto.io/Statement/v1",
    "subject": [{"name": "f", "digest": {"sha256": hashlib.sha256(DATA).hexdigest()}, "annotations": {"env": "prod"}}],
    "predicateType": envelopes.COSIGN_SIGN,
    "predicate": {},
}


def enveloped(
    statement: object, kind: str = envelopes.IN_TOTO, count: int = 1, signed_kind: str = ""
) -> dict[str, Any]:
    payload = json.dumps(statement).encode()
    signature = SHOP.sign(SHOP.root_key, envelopes.pae(signed_kind or kind, payload))
    return {
        "mediaType": GOOD["mediaType"],
        "verificationMaterial": {"publicKey": {"hint": "x"}},
        "dsseEnvelope": {
            "payload": SHOP.base64(payload),
            "payloadType": kind,
            "signatures": [{"sig": SHOP.base64(signature)}] * count,
        },
    }


def test_pae_as_the_protocol_has_it() -> None:
    expected = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert envelopes.pae("http://example.com/HelloWorld", b"hello world") == expected


def test_what_cosign_3_writes_is_a_signature_with_annotations() -> None:
    rule = 'key = "release"\nannotations = {env = "prod"}'
    assert judge(enveloped(STATEMENT), rule, keys=KEYS).decision == VERIFIED
    old = {**STATEMENT, "_type": "https://in-toto.io/Statement/v0.1"}
    assert judge(enveloped(old), rule, keys=KEYS).decision == VERIFIED


@pytest.mark.parametrize(
    ("bundle", "slug"),
    [
        (enveloped({**STATEMENT, "_type": "https://in-toto.io/Statement/v2"}), "statement"),
        (enveloped({key: value for key, value in STATEMENT.items() if key != "_type"}), "statement"),
        (enveloped({**STATEMENT, "subject": []}), "wrong-digest"),
        (enveloped({**STATEMENT, "subject": [{"digest": {"sha256": "00"}}]}), "wrong-digest"),
        (enveloped({**STATEMENT, "subject": [{"digest": {"md5": hashlib.md5(DATA).hexdigest()}}]}), "wrong-digest"),
        (enveloped({**STATEMENT, "subject": [{"digest": {}}] * 5000}), "too-many"),
        (enveloped(STATEMENT, kind="text/plain"), "payload-type"),
        (enveloped(STATEMENT, signed_kind="text/plain"), "wrong-key"),
        (enveloped(STATEMENT, count=2), "malformed"),
        (enveloped(STATEMENT, count=0), "malformed"),
    ],
)
def test_wrong_envelopes(bundle: dict[str, Any], slug: str) -> None:
    assert slugs(judge(bundle, 'key = "release"', keys=KEYS)) == {slug}


def test_two_digests_must_both_match() -> None:
    digests = {"sha256": hashlib.sha256(DATA).hexdigest(), "sha512": "00"}
    artifact = Artifact(digests=(*FILE.digests, "sha512:" + hashlib.sha512(DATA).hexdigest()))
    bundle = enveloped({**STATEMENT, "subject": [{"digest": digests}]})
    assert slugs(judge(bundle, 'key = "release"', artifact=artifact, keys=KEYS)) == {"wrong-digest"}


def test_another_key_with_the_same_hint() -> None:
    other = {"release": public_pem(Workshop().root_key)}
    assert slugs(judge(enveloped(STATEMENT), 'key = "release"', keys=other)) == {"wrong-key"}


# -- hostile input ------------------------------------------------------------------------------------------------------


@settings(max_examples=150)
@given(st.data())
def test_truncated_and_flipped_bundles_are_only_ever_refused(data: st.DataObject) -> None:
    content = bytearray(json.dumps(GOOD).encode())
    at = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        del content[at:]
    else:
        content[at] ^= 1 << data.draw(st.integers(0, 6))
    judge(bytes(content))  # a flipped bit in what nobody reads may leave it right; a crash is what may not be


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"null", b"[" * 100_000, b'{"a":' * 100_000, b"\xff\xfe"])
def test_what_is_no_bundle(content: bytes) -> None:
    assert slugs(judge(content)) & {"malformed", "media-type"}


def test_a_key_in_a_certificate_is_no_trusted_key() -> None:
    """The certificate's key must not pass for a key that the policy names."""
    keys = {"release": der(SHOP.log_key.public_key())}
    assert "wrong-key" in slugs(judge(GOOD, 'key = "release"', keys=keys))


def test_odd_certificates_are_refused() -> None:
    """cryptography raises more than ValueErrors for them: an unknown version, for one."""
    bundle = copy.deepcopy(GOOD)
    raw = bytearray(base64.b64decode(bundle["verificationMaterial"]["certificate"]["rawBytes"]))
    at = raw.index(b"\xa0\x03\x02\x01\x02") + 4
    raw[at] = 9
    bundle["verificationMaterial"]["certificate"]["rawBytes"] = SHOP.base64(bytes(raw))
    assert slugs(judge(bundle)) == {"malformed"}


# -- what the log entry says of an envelope ------------------------------------------------------------------------------


def logged(kind: str, version: str, spoil: str = "") -> dict[str, Any]:
    """An envelope by a key, with an entry of this kind; `spoil` is what in the entry is of another signature."""
    bundle = enveloped(STATEMENT)
    payload = base64.b64decode(bundle["dsseEnvelope"]["payload"])
    signature = base64.b64decode(bundle["dsseEnvelope"]["signatures"][0]["sig"])
    key = public_pem(Workshop().root_key if spoil == "key" else SHOP.root_key)
    raw = {"rawBytes": SHOP.base64(der((Workshop().root_key if spoil == "key" else SHOP.root_key).public_key()))}
    if spoil == "signature":
        signature = SHOP.sign(SHOP.root_key, b"another")
    digest = hashlib.sha256(payload + (b"0" if spoil == "digest" else b""))
    encoded = hashlib.sha256(envelopes.pae(envelopes.IN_TOTO, payload) + (b"0" if spoil == "digest" else b""))
    made, held = SHOP.base64(signature), {"algorithm": "sha256", "value": digest.hexdigest()}
    verifier = {"publicKey": raw, "keyDetails": "PKIX_ECDSA_P256_SHA_256"}
    specs: dict[tuple[str, str], dict[str, Any]] = {
        ("dsse", "0.0.1"): {"payloadHash": held, "signatures": [{"signature": made, "verifier": SHOP.base64(key)}]},
        ("dsse", "0.0.2"): {
            "dsseV002": {
                "payloadHash": {"algorithm": "SHA2_256", "digest": SHOP.base64(digest.digest())},
                "signatures": [{"content": made, "verifier": verifier}],
            }
        },
        ("intoto", "0.0.2"): {
            "content": {
                "payloadHash": held,
                "envelope": {"signatures": [{"sig": SHOP.base64(made.encode()), "publicKey": SHOP.base64(key)}]},
            }
        },
        ("hashedrekord", "0.0.1"): {
            "data": {"hash": {"algorithm": "sha256", "value": encoded.hexdigest()}},
            "signature": {"content": made, "publicKey": {"content": SHOP.base64(key)}},
        },
        ("hashedrekord", "0.0.2"): {
            "hashedRekordV002": {
                "data": {"algorithm": "SHA2_256", "digest": SHOP.base64(encoded.digest())},
                "signature": {"content": made, "verifier": verifier},
            }
        },
    }
    body = json.dumps({"apiVersion": version, "kind": kind, "spec": specs[kind, version]}).encode()
    one = SHOP.entry(body, START, kind, version)
    if version == "0.0.2" and kind != "intoto":  # Rekor v2 promises no time
        del one["inclusionPromise"], one["integratedTime"]
    bundle["verificationMaterial"]["tlogEntries"] = [one]
    return bundle


@pytest.mark.parametrize(
    ("kind", "version"),
    [("dsse", "0.0.1"), ("dsse", "0.0.2"), ("intoto", "0.0.2"), ("hashedrekord", "0.0.1"), ("hashedrekord", "0.0.2")],
)
def test_entries_of_every_kind_are_bound_to_signature_key_and_digest(kind: str, version: str) -> None:
    rule = 'key = "release"\ntransparency = true'
    good = judge(logged(kind, version), rule, keys=KEYS)
    assert good.decision == VERIFIED, good.refused
    for spoil in ("signature", "key", "digest"):
        assert slugs(judge(logged(kind, version, spoil), rule, keys=KEYS)) == {"log-binding"}


def test_rekor_2_gives_no_time_to_a_short_lived_certificate() -> None:
    bundle = copy.deepcopy(GOOD)
    del entry(bundle)["inclusionPromise"], entry(bundle)["integratedTime"]
    assert slugs(judge(bundle)) == {"expired"}
