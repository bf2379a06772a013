"""Attacks across formats: names that choose their rule, identities that look alike, evidence of one kind as another."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import timedelta
from typing import Any

import pytest

from tests.unit.trust.test_bundle import DATA, FILE, GOOD, NOW, SHOP, WHO, change, entry, judge
from tests.unit.trust.workshop import DAY, START, public_pem
from thwart import trust
from thwart.core.trust import DENIED, VERIFIED, Artifact, Evidence, Judgement, Piece, Roots
from thwart.trust import envelopes, policy

KEY = SHOP.root_key
DIGEST = hashlib.sha256(DATA).hexdigest()
IMAGE = Artifact(digests=(f"sha256:{DIGEST}",), repository="registry.example.test/app")


def by_key(piece: Piece, rule: str = 'key = "own"', artifact: Artifact = IMAGE) -> Judgement:
    stated = policy.parse(f'[[trust]]\nscope = "**"\n{rule}\n'.encode(), "thwart.toml")
    anchors = trust.read_roots(Roots(keys={"own": public_pem(KEY)}))
    return trust.verify(artifact, Evidence(pieces=(piece,)), stated, anchors, NOW)


def statement(kind: str = envelopes.COSIGN_SIGN, **more: Any) -> bytes:
    held = {"_type": "https://in-toto.io/Statement/v1", "subject": [{"digest": {"sha256": DIGEST}}]}
    return json.dumps(held | {"predicateType": kind, "predicate": {}} | more).encode()


def enveloped(payload: bytes, kind: str = envelopes.IN_TOTO, signed_as: str = "") -> Piece:
    signature = SHOP.sign(KEY, envelopes.pae(signed_as or kind, payload))
    value = {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": kind,
        "signatures": [{"sig": base64.b64encode(signature).decode()}],
    }
    return Piece(format="dsse", where="layer", content=json.dumps(value).encode())


@pytest.mark.parametrize(
    "spelled",
    [
        "registry.example.test/team/app",
        "REGISTRY.example.test/team/app",
        "registry.example.test:443/team/app",
        "Registry.Example.Test:0443/team/app",
        "registry.example.test./team/app",
    ],
)
def test_a_registry_s_other_spellings_do_not_choose_a_weaker_rule(spelled: str) -> None:
    rules = '[[trust]]\nscope = "**"\nunsafe-accept-anything = true\n[[trust]]\nscope = "{}/team/**"\nreject = true'
    for scope in ("registry.example.test", "Registry.example.test:443"):
        rule = policy.parse(rules.format(scope).encode(), "thwart.toml").rule_for(spelled)
        assert rule is not None
        assert rule.reject, scope


def test_docker_hub_s_other_hosts_and_true_ports() -> None:
    assert policy.canonical("registry-1.docker.io/library/nginx") == "docker.io/library/nginx"
    assert policy.canonical("INDEX.docker.io:443/library/nginx") == "docker.io/library/nginx"
    assert policy.canonical("localhost:5000/a") == "localhost:5000/a"
    assert policy.canonical("[::1]:5000/a") == "[::1]:5000/a"
    assert policy.canonical("docker.io.example.test/a") == "docker.io.example.test/a"


@pytest.mark.parametrize(
    "email",
    [
        "evil-dev@example.test",
        "dev@example.test.evil.test",
        "Dev@example.test",
        "dev@example.test ",
        "dev@example.test\0.evil.test",
        "dev@example.test\n",
        "*@example.test",
        ".*",
    ],
)
@pytest.mark.parametrize("named", ['subject = "dev@example.test"', "subject-regex = '^dev@example\\.test$'"])
def test_identities_that_look_alike(email: str, named: str) -> None:
    rule = f'{named}\nissuer = "https://id.example.test"\nunsafe-no-sct = true'
    judgement = judge(SHOP.bundle(DATA, email=email), rule)
    assert judgement.decision == DENIED
    assert judge(GOOD, rule).decision == VERIFIED


@pytest.mark.parametrize(
    "issuer", ["https://id.example.test.evil", "https://id.example.test/", "http://id.example.test", ""]
)
def test_issuers_that_look_alike(issuer: str) -> None:
    assert judge(SHOP.bundle(DATA, issuer=issuer)).decision == DENIED


def test_a_statement_is_only_what_its_predicate_says() -> None:
    slsa = "https://slsa.dev/provenance/v1"
    assert by_key(enveloped(statement())).decision == VERIFIED
    assert by_key(enveloped(statement(slsa))).decision == DENIED  # an attestation is no signature
    asked = 'key = "own"\nattestation = {predicate = "https://slsa.dev/provenance/v1"}'
    for kind in (envelopes.COSIGN_SIGN, slsa + "/x", slsa.upper(), ""):
        assert by_key(enveloped(statement(kind)), asked).decision == DENIED


def test_the_payload_type_is_signed_and_nothing_else_is_read() -> None:
    assert by_key(enveloped(statement(), envelopes.IN_TOTO, "text/plain")).decision == DENIED
    assert by_key(enveloped(statement(), "text/plain")).refused[0].slug == "payload-type"
    bare = Piece(format="cosign", where="x", content=statement(), annotations={
        "dev.cosignproject.cosign/signature": SHOP.base64(SHOP.sign(KEY, statement()))})  # fmt: skip
    assert by_key(bare).refused[0].slug == "payload-type"


@pytest.mark.parametrize(
    "digest",
    [
        {"sha1": DIGEST[:40]},
        {"gitCommit": DIGEST[:40]},
        {"SHA256": DIGEST},
        {"sha256": DIGEST + "0"},
        {"sha256": " " + DIGEST},
        {"sha256": [DIGEST]},
        {"sha256": None},
        {"sha512": DIGEST},
        {},
    ],
)
def test_subjects_of_other_digests(digest: dict[str, Any]) -> None:
    judgement = by_key(enveloped(statement(subject=[{"name": "app", "digest": digest}])))
    assert (judgement.decision, judgement.refused[0].slug) == (DENIED, "wrong-digest")


def test_annotations_that_nobody_signed_satisfy_nothing() -> None:
    piece = enveloped(statement())
    loud = Piece(format="dsse", where="layer", content=piece.content, annotations={"env": "prod"})
    assert by_key(loud, 'key = "own"\nannotations = {env = "prod"}').decision == DENIED
    signed = statement(subject=[{"digest": {"sha256": DIGEST}, "annotations": {"env": "prod"}}])
    assert by_key(enveloped(signed), 'key = "own"\nannotations = {env = "prod"}').decision == VERIFIED


def test_an_envelope_of_many_signatures_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else one large payload costs as many parses as an attacker adds signatures."""
    read: list[int] = []
    real = envelopes.statement

    def counted(*given: Any) -> envelopes.Statement:
        read.append(1)
        return real(*given)

    monkeypatch.setattr(envelopes, "statement", counted)
    value = json.loads(enveloped(statement()).content)
    value["signatures"] = [{"sig": "AAAA"}] * 15 + value["signatures"]
    assert by_key(Piece(format="dsse", where="x", content=json.dumps(value).encode())).decision == VERIFIED
    assert len(read) == 1


def test_one_certificate_s_many_spellings_are_one_signer() -> None:
    """The same identity with two certificates never makes a threshold of two."""
    two = [SHOP.bundle(DATA), SHOP.bundle(DATA, email="DEV@example.test")]
    rule = "at-least = 2\nof = [{S, SUBJECT}, {S, SUBJECT}]".replace(
        "SUBJECT", "subject-regex = '^(?i:dev)@example\\.test$'"
    )
    stated = rule.replace("S, ", 'issuer = "https://id.example.test", unsafe-no-sct = true, ')
    parsed = policy.parse(f'[[trust]]\nscope = "files"\n{stated}\n'.encode(), "thwart.toml")
    anchors = trust.read_roots(Roots(sigstore={"own": SHOP.trusted_root()}))
    pieces = tuple(
        Piece(format="bundle", where=str(at), content=json.dumps(one).encode()) for at, one in enumerate(two)
    )
    judgement = trust.verify(FILE, Evidence(pieces=pieces), parsed, anchors, NOW)
    assert (judgement.decision, judgement.reasons[0].slug) == (DENIED, "threshold")


@pytest.mark.parametrize("content", [
    b"[" * 100_000, b'{"a":' * 100_000, b'{"mediaType": ' + b"9" * 100_000 + b"}", b'{"x": NaN}', b'{"x": 1e999999}',
    b'{"mediaType": "\\ud800"}', b"\xff\xfe{", b"{" + b'"a":0,' * 100_000 + b'"a":0}',
])  # fmt: skip
@pytest.mark.parametrize("format_", ["bundle", "dsse", "cosign", "detached", "notation", "dct", "tuf"])
def test_hostile_documents_are_refused(format_: str, content: bytes) -> None:
    piece = Piece(
        format=format_,
        where="x",
        content=content,
        annotations={"role": "root", "dev.cosignproject.cosign/signature": "AAAA"},
    )
    judgement = by_key(piece)
    assert judgement.decision == DENIED


# -- cases that sigstore-conformance names ---------------------------------------------------------------------------


def conformance(change_: Any, **leaf: Any) -> Judgement:
    bundle = json.loads(json.dumps(SHOP.bundle(DATA, **leaf)))
    change_(bundle)
    return judge(bundle, WHO)


def _rehang(bundle: dict[str, Any], origin: str) -> None:
    """A checkpoint that the log's own key signed, under another origin."""
    from thwart.lib import signed_note

    proof = entry(bundle)["inclusionProof"]
    text = f"{origin}\n2\n{proof['rootHash']}\n"
    line = signed_note.line("log.example.test", SHOP.log_id, SHOP.sign(SHOP.log_key, text.encode()))
    proof["checkpoint"]["envelope"] = text + "\n" + line


M = "verificationMaterial/"
CASES = {
    "checkpoint of another origin": lambda b: _rehang(b, "log.example.test.evil"),
    "checkpoint of another size": lambda b: change(b, M + "tlogEntries/0/inclusionProof/treeSize", "3"),
    "checkpoint wrong keyhint": lambda b: change(
        b, M + "tlogEntries/0/inclusionProof/checkpoint/envelope",
        entry(b)["inclusionProof"]["checkpoint"]["envelope"].rpartition(" ")[0] + " AAAA" + "A" * 92 + "\n"),
    "digest of another file": lambda b: change(b, "messageSignature/messageDigest/digest", SHOP.base64(hashlib.sha256(b"x").digest())),
    "digest algorithm unknown": lambda b: change(b, "messageSignature/messageDigest/algorithm", "SHA3_256"),
    "a chain in 0.3": lambda b: b.update(verificationMaterial={
        "x509CertificateChain": {"certificates": [b["verificationMaterial"]["certificate"]]},
        "tlogEntries": b["verificationMaterial"]["tlogEntries"]}),
    "signature of another": lambda b: change(b, "messageSignature/signature", SHOP.base64(SHOP.sign(SHOP.ca_key, DATA))),
    "signature missing": lambda b: change(b, "messageSignature/signature", ""),
    "both contents": lambda b: b.update(dsseEnvelope={}),
    "intermediate as the leaf": lambda b: change(
        b, M + "certificate/rawBytes", base64.b64encode(base64.b64decode("".join(SHOP.pem(SHOP.intermediate).decode().splitlines()[1:-1]))).decode()),
    "entry of an unknown log": lambda b: change(b, M + "tlogEntries/0/logId/keyId", "A" * 43 + "="),
    "time beyond any calendar": lambda b: change(b, M + "tlogEntries/0/integratedTime", str((1 << 63) - 1)),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_conformance_cases_fail(case: str) -> None:
    assert conformance(CASES[case]).decision == DENIED


def test_a_signature_from_outside_its_certificate_s_life() -> None:
    assert conformance(lambda _: None, begins=START + DAY).decision == DENIED
    assert conformance(lambda _: None, begins=START - DAY).decision == DENIED
    assert conformance(lambda _: None, lives=timedelta(minutes=1)).decision == VERIFIED


def test_a_chain_in_older_bundles() -> None:
    def chained(bundle: dict[str, Any]) -> None:
        others = [{"rawBytes": "".join(SHOP.pem(SHOP.intermediate).decode().splitlines()[1:-1])}]
        own = bundle["verificationMaterial"].pop("certificate")
        bundle["verificationMaterial"]["x509CertificateChain"] = {"certificates": [own, *others]}
        bundle["mediaType"] = "application/vnd.dev.sigstore.bundle+json;version=0.2"

    assert conformance(chained).decision == VERIFIED
