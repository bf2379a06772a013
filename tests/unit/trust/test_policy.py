"""The trust policy: what it may say, which rule speaks, and who counts towards a threshold."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from tests.unit.trust.workshop import Workshop, public_pem
from thwart import trust
from thwart.core.trust import DENIED, UNKNOWN, VERIFIED, Artifact, Evidence, Judgement, Piece, Reason, Roots, TrustError
from thwart.trust import envelopes, keys, policy
from thwart.trust.keys import Message
from thwart.trust.policy import parse

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DIGEST = "sha256:" + hashlib.sha256(b"manifest").hexdigest()
IMAGE = Artifact(digests=(DIGEST,), repository="registry.example.test/team/app")
SHOP = Workshop()
PAIRS = {"a": SHOP.root_key, "b": SHOP.ca_key, "c": SHOP.log_key}


def payload(digest: str = DIGEST, **optional: str) -> bytes:
    critical = {
        "identity": {"docker-reference": IMAGE.repository},
        "image": {"docker-manifest-digest": digest},
        "type": "cosign container image signature",
    }
    return json.dumps({"critical": critical, "optional": optional or None}).encode()


def signed(name: str, content: bytes | None = None) -> Piece:
    content = content or payload()
    signature = SHOP.base64(SHOP.sign(PAIRS[name], content))
    return Piece(
        format="cosign", where=name, content=content, annotations={"dev.cosignproject.cosign/signature": signature}
    )


def judge(text: str, *found: Piece, missing: tuple[Reason, ...] = (), **keys: Any) -> Judgement:
    named = {name: public_pem(key) for name, key in {**PAIRS, **keys}.items()}
    stated = parse(f'[[trust]]\nscope = "registry.example.test"\n{text}\n'.encode(), "thwart.toml")
    evidence = Evidence(pieces=found, missing=missing)
    return trust.verify(IMAGE, evidence, stated, trust.read_roots(Roots(keys=named)), NOW)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no rule"),
        ("trust = []", "no rule"),
        ('[[trust]]\nscope = "r.test"', "exactly one"),
        ('[[trust]]\nscope = "r.test"\nreject = true\nkey = "a"', "exactly one"),
        ('[[trust]]\nkey = "a"', "must be a text"),
        ('[[trust]]\nscope = "nginx"\nkey = "a"', "has no registry"),
        ('[[trust]]\nscope = "r.test"\nkee = "a"', "unknown key 'kee'"),
        ('[[trust]]\nscope = "r.test"\nkeys = []', "not empty"),
        ('[[trust]]\nscope = "r.test"\nall-of = []', "list of 1 to"),
        ('[[trust]]\nscope = "r.test"\nat-least = 0\nof = [{key = "a"}]', "number from 1 to 1"),
        ('[[trust]]\nscope = "r.test"\nat-least = 2\nof = [{key = "a"}]', "number from 1 to 1"),
        ('[[trust]]\nscope = "r.test"\nat-least = 1\nof = [{any-of = [{key = "a"}]}]', "not combinations"),
        ('[[trust]]\nscope = "r.test"\ntransparency = true', "who must have signed"),
        ('[[trust]]\nscope = "r.test"\nsubject = "a@b.test"', "checked the identity"),
        ('[[trust]]\nscope = "r.test"\nsubject = ""\nissuer = "i"', "not empty"),
        ('[[trust]]\nscope = "r.test"\nsubject = "*"\nissuer = "i"', "no name"),
        ('[[trust]]\nscope = "r.test"\nsubject-glob = "**"\nissuer = "i"', "fits anybody"),
        ('[[trust]]\nscope = "r.test"\nsubject-glob = "*@*"\nissuer = "i"', "fits anybody"),
        ('[[trust]]\nscope = "r.test"\nsubject-regex = "dev@example"\nissuer = "i"', "begin with ^"),
        ('[[trust]]\nscope = "r.test"\nsubject-regex = "^.*$"\nissuer = "i"', "fits anybody"),
        ('[[trust]]\nscope = "r.test"\nsubject-regex = "^($"\nissuer = "i"', "not a regular expression"),
        ('[[trust]]\nscope = "r.test"\nsubject = "a@b.test"\nissuer-regex = "^.+$"', "fits anybody"),
        ('[[trust]]\nscope = "r.test"\nkey = "a"\nmax-age = "soon"', "not like 30d"),
        ('[[trust]]\nscope = "r.test"\nkey = "a"\nformat = "cosgin"', "not a format"),
        ('[[trust]]\nscope = "r.test"\nkey = "a"\nattestation = {}', "lacks predicate"),
        ('[[trust]]\nscope = "r.test"\nkey = "a"\nsubject = "b"\nissuer = "i"', "two requirements"),
        ('[[trust]]\nscope = "r.test"\nkey = "a"\n[[trust]]\nscope = "r.test"\nreject = true', "two rules"),
        ("[[trust", "thwart.toml:1"),
    ],
)
def test_what_a_policy_must_not_say(text: str, complaint: str) -> None:
    with pytest.raises(TrustError) as error:
        parse(text.encode(), "thwart.toml")
    assert complaint in str(error.value)


def test_an_unknown_key_is_answered_with_the_nearest() -> None:
    with pytest.raises(TrustError) as error:
        parse(b"trust: [{scope: r.test, key: a, time_stamp: true}]", "trust.yaml")
    assert error.value.hints == ("did you mean timestamp?",)


def test_yaml_and_json_say_the_same() -> None:
    toml = parse(b'[[trust]]\nscope = "r.test"\nkey = "a"', "trust.toml")
    assert parse(b"trust:\n- scope: r.test\n  key: a\n", "trust.yaml") == toml
    assert parse(b'{"trust": [{"scope": "r.test", "key": "a"}]}', "trust.json") == toml


SCOPES = [
    "**",
    "r.test",
    "r.test/*/app",
    "r.test/team/*",
    "r.test/team/**",
    "r.test/team/app",
    "files",
    "*.test/team/x",
]


@pytest.mark.parametrize(
    ("name", "scope"),
    [
        ("r.test/team/app", "r.test/team/app"),
        ("r.test/team/web", "r.test/team/*"),  # as many literal characters as `team/**`, fewer double wildcards
        ("r.test/team/web/api", "r.test/team/**"),
        ("r.test/other/app", "r.test/*/app"),
        ("r.test/other/web", "r.test"),
        ("s.test/team/x", "*.test/team/x"),
        ("s.test/a", "**"),
        ("r.test.evil/team/app", "**"),
        ("r.testing/app", "**"),
        ("", "files"),
    ],
)
def test_the_most_specific_scope_speaks(name: str, scope: str) -> None:
    for order in (SCOPES, SCOPES[::-1]):
        rules = "\n".join(f'[[trust]]\nscope = "{one}"\nreject = true' for one in order)
        rule = parse(rules.encode(), "thwart.toml").rule_for(name)
        assert rule is not None
        assert rule.scope == scope


def test_where_no_rule_speaks_nothing_is_trusted() -> None:
    stated = parse(b'[[trust]]\nscope = "other.test"\nunsafe-accept-anything = true', "thwart.toml")
    judgement = trust.verify(IMAGE, Evidence(pieces=(signed("a"),)), stated, trust.read_roots(Roots()), NOW)
    assert (judgement.decision, judgement.reasons[0].slug) == (DENIED, "no-rule")


def test_a_key_and_its_annotations() -> None:
    assert judge('key = "a"', signed("a")).decision == VERIFIED
    assert judge('key = "a"', signed("b")).decision == DENIED
    assert judge('key = "a"').decision == DENIED
    assert judge('key = "nobody"', signed("a")).decision == DENIED
    prod = signed("a", payload(env="prod"))
    assert judge('key = "a"\nannotations = {env = "prod"}', prod).decision == VERIFIED
    assert judge('key = "a"\nannotations = {env = "prod"}', signed("a")).decision == DENIED
    assert judge(f'key = "a"\nreference = "{IMAGE.repository}"', signed("a")).decision == VERIFIED
    assert judge('key = "a"\nreference = "registry.example.test/x"', signed("a")).decision == DENIED
    for more in ("transparency = true", "timestamp = true", 'max-age = "1d"'):
        assert judge(f'key = "a"\n{more}', signed("a")).decision == DENIED


def test_combinations() -> None:
    both = 'all-of = [{key = "a"}, {key = "b"}]'
    assert judge(both, signed("a"), signed("b")).decision == VERIFIED
    assert judge(both, signed("a"), signed("a")).decision == DENIED
    assert judge('any-of = [{key = "a"}, {key = "b"}]', signed("b")).decision == VERIFIED


def test_a_threshold_counts_signers_not_signatures() -> None:
    two = 'at-least = 2\nkeys = ["a", "b", "c"]'
    assert judge(two, signed("a"), signed("c")).decision == VERIFIED
    assert judge(two, signed("a"), signed("a", payload(again="yes"))).decision == DENIED
    same = 'at-least = 2\nkeys = ["a", "d"]'
    assert judge(same, signed("a"), d=PAIRS["a"]).decision == DENIED  # one key of two names
    twice = 'at-least = 2\nof = [{key = "a"}, {key = "a"}]'
    assert judge(twice, signed("a"), signed("a")).decision == DENIED
    crossed = 'at-least = 2\nof = [{keys = ["a", "b"]}, {key = "a"}]'
    assert judge(crossed, signed("a"), signed("b")).decision == VERIFIED  # the first has to give way


def test_what_could_not_be_read_makes_a_denial_unknown() -> None:
    missing = (Reason(slug="registry", sentence="the registry does not answer"),)
    judgement = judge('key = "a"', missing=missing)
    assert judgement.decision == UNKNOWN
    assert missing[0] in judgement.reasons
    assert judge('key = "a"', signed("a"), missing=missing).decision == VERIFIED


@pytest.mark.parametrize(
    ("content", "slug"),
    [
        (payload("sha256:" + "0" * 64), "wrong-digest"),
        (payload().replace(b"cosign container", b"other container"), "payload-type"),
        (payload().replace(b"docker-manifest-digest", b"Docker-manifest-digest"), "wrong-digest"),
        (b"{}", "payload-type"),
        (b"[]", "malformed"),
    ],
)
def test_signed_payloads_that_mean_something_else(content: bytes, slug: str) -> None:
    judgement = judge('key = "a"', signed("a", content))
    assert (judgement.decision, judgement.refused[0].slug) == (DENIED, slug)


def test_a_signature_moved_to_another_payload() -> None:
    moved = Piece(format="cosign", where="x", content=payload(env="prod"), annotations=signed("a").annotations)
    assert judge('key = "a"', moved).refused[0].slug == "wrong-key"


def test_thousands_of_pieces_are_bounded() -> None:
    judgement = judge('key = "a"', *[signed("b")] * 5000, signed("a"))
    assert judgement.decision == DENIED
    assert len(judgement.refused) <= 65
    assert "too-many" in {reason.slug for reason in judgement.refused}


@pytest.mark.parametrize("kind", ["rsa", "pss", "ed25519"])
def test_other_kinds_of_keys(kind: str) -> None:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    key: Any = ed25519.Ed25519PrivateKey.generate() if kind == "ed25519" else rsa.generate_private_key(65537, 2048)
    pads = {"rsa": padding.PKCS1v15(), "pss": padding.PSS(padding.MGF1(hashes.SHA256()), 32)}
    made = key.sign(payload(), *([pads[kind], hashes.SHA256()] if kind in pads else []))
    notes = {"dev.cosignproject.cosign/signature": SHOP.base64(made)}
    piece = Piece(format="cosign", where="x", content=payload(), annotations=notes)
    assert judge('key = "d"', piece, d=key).decision == VERIFIED
    assert judge('key = "d"', signed("a"), d=key).decision == DENIED


def test_ed25519_of_a_hash_that_cosign_takes_for_logs() -> None:
    """Ed25519ph (RFC 8032); the signature is by Go's crypto/ed25519 with the seed of 32 bytes 7."""
    pair = ed25519.Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
    key = keys.of(pair.public_key(), "k")
    made = bytes.fromhex(
        "737913c0453fac3dacc667966a36949ba88a93728b06ec7d2d6ae2ad39b43395"
        "e642b3151124419a16605fca882985d101a8678477f9015cab10eda2138bde02"
    )
    assert key.verifies(made, Message(b"what is signed"))
    assert not key.verifies(made, Message(b"what is not"))
    assert not key.verifies(made[:-1] + b"\x12", Message(b"what is signed"))
    assert not key.verifies(made[:-1], Message(b"what is signed"))
    assert not key.verifies(pair.sign(hashlib.sha512(b"what is signed").digest()), Message(b"what is signed"))


def test_weak_and_private_keys_are_not_taken() -> None:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    weak = rsa.generate_private_key(65537, 1024)
    private = PAIRS["a"].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for data in (public_pem(weak), private, b"", b"{}", b"-----BEGIN PUBLIC KEY-----", b'{"kty":"oct","k":"AA"}'):
        with pytest.raises(TrustError):
            trust.read_roots(Roots(keys={"x": data}))


def test_the_lint_finds_names_that_nothing_has_and_thresholds_that_nobody_reaches() -> None:
    text = b'[[trust]]\nscope = "r.test"\nat-least = 2\nkeys = ["a", "b", "z"]\n[[trust]]\nscope = "**"\nunsafe-accept-anything = true'
    found = policy.check(parse(text, "thwart.toml"), ["a=1", "b=1"], [])
    assert [reason.slug for reason in found] == ["unknown-name", "unsafe"]
    found = policy.check(parse(text.replace(b', "z"', b""), "thwart.toml"), ["a=1", "b=1"], [])
    assert [reason.slug for reason in found] == ["unreachable", "unsafe"]


def test_an_envelope_of_two_signatures_makes_a_threshold_of_two_keys() -> None:
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"digest": {"sha256": DIGEST.partition(":")[2]}}],
        "predicateType": "https://own.test/v1",
        "predicate": {"x": 1},
    }
    content = json.dumps(statement).encode()
    encoded = envelopes.pae(envelopes.IN_TOTO, content)
    rule = 'at-least = 2\nkeys = ["a", "b"]\nattestation = {predicate = "https://own.test/v1"}'

    def envelope(*names: str) -> Piece:
        made = [
            {"keyid": "b", "sig": base64.urlsafe_b64encode(SHOP.sign(PAIRS[name], encoded)).decode()} for name in names
        ]
        whole = {"payload": SHOP.base64(content), "payloadType": envelopes.IN_TOTO, "signatures": made}
        return Piece(format="dsse", where="x", content=json.dumps(whole).encode())

    assert judge(rule, envelope("a", "b")).decision == VERIFIED
    assert judge(rule, envelope("a", "a")).decision == DENIED  # the key identifiers are hints, and lie
    assert judge(rule, envelope(*"a" * 17)).refused[0].slug == "too-many"
