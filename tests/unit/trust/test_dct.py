"""Docker Content Trust: what a sound repository vouches for, and every attack on it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.unit.trust.notary_workshop import (
    DIGEST,
    FIRST_USE,
    GUN,
    NOW,
    OTHER,
    YEAR,
    Maker,
    Notary,
    b64,
    certified,
    der,
    ecdsa,
    ed,
    judge,
    of,
    plain,
    rsa_key,
    signed,
    target,
)
from thwart.core.trust import DENIED, VERIFIED, Judgement, TrustError
from thwart.trust._dct_files import canonical


@pytest.fixture(scope="module")
def sound() -> Notary:
    return Notary()


@pytest.fixture
def notary() -> Notary:
    return Notary()


def slugs(judgement: Judgement) -> set[str]:
    return {one.slug for one in judgement.refused}


def refused(judgement: Judgement, slug: str) -> None:
    assert judgement.decision == DENIED
    assert slug in slugs(judgement), judgement
    assert judgement.signatures == ()


def resign(files: dict[str, bytes], notary: Notary, role: str, data: bytes) -> dict[str, bytes]:
    """A file exchanged, with snapshot and timestamp that list it: what a thief of those two keys can do."""
    files = {**files, role: data}
    snapshot = json.loads(files["snapshot"])["signed"]
    snapshot["meta"][role] = of(data)
    files["snapshot"] = signed(snapshot, notary.keys["snapshot"])
    return stamp(files, notary)


def stamp(files: dict[str, bytes], notary: Notary) -> dict[str, bytes]:
    timestamp = json.loads(files["timestamp"])["signed"]
    timestamp["meta"]["snapshot"] = of(files["snapshot"])
    return {**files, "timestamp": signed(timestamp, notary.keys["timestamp"])}


def test_a_pinned_key_certificate_or_root_file_vouches_for_a_tag(sound: Notary) -> None:
    files = sound.files()
    for pin in (sound.root_key.pem, sound.root_key.public, files["root"]):
        judgement = judge(files, pin, size=528)
        assert judgement.decision == VERIFIED
        (signature,) = judgement.signatures
        assert signature.identity is not None
        assert signature.identity.subject == "targets"
        assert signature.annotations["tag"] == "v1"
        assert signature.digest == DIGEST


def test_without_a_tag_any_target_with_the_digest_counts(sound: Notary) -> None:
    assert judge(sound.files(), sound.root_key.pem, tag="").decision == VERIFIED
    refused(judge(sound.files(), sound.root_key.pem, tag="", digest=OTHER), "no-target")


@pytest.mark.parametrize(
    ("changes", "slug"),
    [({"digest": OTHER}, "wrong-digest"), ({"tag": "v2"}, "no-target"), ({"size": 527}, "wrong-digest")],
)
def test_another_digest_tag_or_size_is_not_vouched_for(sound: Notary, changes: dict[str, Any], slug: str) -> None:
    refused(judge(sound.files(), sound.root_key.pem, **changes), slug)


def test_sha512_has_to_be_right_where_both_sides_know_it(notary: Notary) -> None:
    notary.targets["v1"]["hashes"]["sha512"] = b64(b"\1" * 64)
    assert judge(notary.files(), notary.root_key.pem).decision == VERIFIED


@pytest.mark.parametrize("maker", [ed, rsa_key, lambda: rsa_key("rsapkcs1v15"), lambda: ecdsa(ec.SECP384R1())])
def test_every_kind_of_key_may_sign(notary: Notary, maker: Any) -> None:
    notary.keys = dict.fromkeys(notary.keys, maker())
    assert judge(notary.files(), notary.root_key.pem).decision == VERIFIED


def test_a_root_of_another_is_not_trusted(sound: Notary) -> None:
    refused(judge(sound.files(), ecdsa().pem), "untrusted-root")


def test_an_authority_may_be_pinned(notary: Notary) -> None:
    authority, other = certified("authority", authority=True), certified("authority", authority=True)
    notary.root_key = certified(issuer=authority)
    notary.root_signers = [notary.root_key]
    assert judge(notary.files(), authority.public).decision == VERIFIED
    assert judge(notary.files(), other.public + authority.public).decision == VERIFIED
    refused(judge(notary.files(), other.public), "untrusted-root")


def test_a_threshold_of_roots_counts_only_what_is_pinned(notary: Notary) -> None:
    mine, theirs = notary.root_key, certified()
    root = json.loads(notary.files()["root"])["signed"]
    root["keys"][theirs.id] = theirs.stated
    root["roles"]["root"] = {"keyids": [mine.id, theirs.id], "threshold": 2}
    files = resign(notary.files(), notary, "root", signed(root, mine, theirs))
    refused(judge(files, mine.pem), "signature")
    assert judge(files, mine.pem + theirs.pem).decision == VERIFIED


def test_a_pin_that_cannot_be_read_is_the_users_mistake(sound: Notary) -> None:
    for pin in (b"", b"{}", b"nonsense"):
        with pytest.raises(TrustError):
            judge(sound.files(), pin)


def test_a_root_for_another_repository_is_not_this_ones() -> None:
    theirs = Notary("registry.example.test/team/other")
    refused(judge(theirs.files(), theirs.root_key.pem), "certificate")
    refused(judge(theirs.files(), None, FIRST_USE), "certificate")


@pytest.mark.parametrize(
    ("name", "fits"), [("registry.example.test/team/*", True), ("registry.example.test/team", False), ("*x", False)]
)
def test_a_certificates_name_may_end_in_an_asterisk(notary: Notary, name: str, fits: bool) -> None:
    notary.root_key = certified(name)
    notary.root_signers = [notary.root_key]
    assert (judge(notary.files(), notary.root_key.pem).decision == VERIFIED) == fits


@pytest.mark.parametrize(
    "key", [certified(ends=NOW - YEAR / 2), certified(begins=NOW + YEAR), certified(authority=True)]
)
def test_a_root_certificate_has_to_be_a_leaf_and_valid_now(notary: Notary, key: Maker) -> None:
    notary.root_key, notary.root_signers = key, [key]
    refused(judge(notary.files(), key.pem), "certificate")


# Trust on first use


def test_first_use_is_allowed_by_the_policy_only(sound: Notary) -> None:
    refused(judge(sound.files(), None), "first-use")
    judgement = judge(sound.files(), None, FIRST_USE)
    assert judgement.decision == VERIFIED
    assert "first one seen" in judgement.signatures[0].notes[0]


def test_after_the_first_use_another_root_is_refused(sound: Notary) -> None:
    learnt = judge(sound.files(), None, FIRST_USE).remembered
    assert judge(sound.files(), None, FIRST_USE, remembered=learnt).decision == VERIFIED
    refused(judge(Notary().files(), None, FIRST_USE, remembered=learnt), "untrusted-root")


def test_after_the_first_use_a_rotated_root_is_followed(notary: Notary) -> None:
    learnt = judge(notary.files(), None, FIRST_USE).remembered
    notary.rotate(certified(), 2)
    files = notary.files()
    judgement = judge(files, None, FIRST_USE, remembered=learnt)
    assert judgement.decision == VERIFIED
    assert judge(files, None, FIRST_USE, remembered=judgement.remembered).decision == VERIFIED
    refused(judge({**files, "1.root": files["root"]}, None, FIRST_USE, remembered=learnt), "untrusted-root")


def test_a_bare_root_key_names_no_repository_and_needs_a_pin(notary: Notary) -> None:
    notary.root_key = ecdsa()
    notary.root_signers = [notary.root_key]
    assert judge(notary.files(), notary.root_key.pem).decision == VERIFIED
    refused(judge(notary.files(), None, FIRST_USE), "certificate")


# The chain of roots


def test_the_old_key_leads_to_the_new_one(notary: Notary) -> None:
    first, old = notary.files()["root"], notary.root_key
    for version in (2, 3):
        notary.rotate(certified(), version)
    files = notary.files()
    for pin in (old.pem, first, notary.root_key.pem):
        assert judge(files, pin).decision == VERIFIED
    del files["2.root"]
    refused(judge(files, first), "untrusted-root")


@pytest.mark.parametrize("missing", [0, 1])
def test_a_new_root_is_signed_by_old_and_new_keys(notary: Notary, missing: int) -> None:
    first = notary.files()["root"]
    notary.rotate(certified(), 2)
    del notary.root_signers[missing]
    refused(judge(notary.files(), first), "signature")


def test_only_the_last_root_must_not_be_expired(notary: Notary) -> None:
    first = notary.files()["root"]
    notary.rotate(certified(), 2)
    notary.expires["root"] = NOW - YEAR
    refused(judge(notary.files(), first), "expired")
    notary.rotate(certified(), 3)
    del notary.expires["root"]
    assert judge(notary.files(), first).decision == VERIFIED


def test_two_roots_of_one_version_are_an_attack(notary: Notary) -> None:
    files = notary.files()
    other = signed(json.loads(Notary().files()["root"])["signed"], notary.root_key)
    refused(judge({**files, "1.root": other}, notary.root_key.pem), "conflict")
    refused(judge(files, other), "conflict")


# Freshness


@pytest.mark.parametrize("role", ["root", "timestamp", "snapshot", "targets"])
def test_whatever_expired_is_refused(notary: Notary, role: str) -> None:
    notary.expires[role] = NOW
    refused(judge(notary.files(), notary.root_key.pem), "expired")
    assert judge(notary.files(), notary.root_key.pem, now=NOW - timedelta(seconds=1)).decision == VERIFIED


@pytest.mark.parametrize("role", ["root", "timestamp", "snapshot", "targets"])
def test_no_version_falls_from_one_run_to_the_next(notary: Notary, role: str) -> None:
    old = notary.files()
    notary.versions[role] = 2
    learnt = judge(notary.files(), notary.root_key.pem).remembered
    refused(judge(old, notary.root_key.pem, remembered=learnt), "rollback")
    assert judge(notary.files(), notary.root_key.pem, remembered=learnt).decision == VERIFIED


def test_after_fast_forward_new_keys_lead_back(notary: Notary) -> None:
    notary.versions = {"timestamp": 1 << 40, "snapshot": 1 << 40}
    pin = notary.root_key.pem
    learnt = judge(notary.files(), pin).remembered
    notary.versions = {}
    refused(judge(notary.files(), pin, remembered=learnt), "rollback")
    notary.old_roots.append(notary.root())
    notary.keys["timestamp"], notary.keys["snapshot"] = ecdsa(), ecdsa()
    notary.versions = {"root": 2}
    assert judge(notary.files(), pin, remembered=learnt).decision == VERIFIED


def test_what_is_refused_is_not_remembered(sound: Notary) -> None:
    assert judge(sound.files(), ecdsa().pem, remembered={"a": 1}).remembered == {"a": 1}


# Hashes and lengths


@pytest.mark.parametrize("role", ["root", "snapshot", "targets"])
def test_files_of_two_states_do_not_mix(notary: Notary, role: str) -> None:
    old = notary.files()
    notary.versions = dict.fromkeys(("root", "timestamp", "snapshot", "targets"), 2)
    mixed = {**notary.files(), role: old[role]}
    assert judge(mixed, notary.root_key.pem).decision == DENIED


@pytest.mark.parametrize("change", [{"length": 1}, {"hashes": {}}, {"hashes": {"sha256": b64(b"\0" * 32)}}])
def test_hash_and_length_have_to_be_right(notary: Notary, change: dict[str, Any]) -> None:
    files = notary.files()
    snapshot = json.loads(files["snapshot"])["signed"]
    snapshot["meta"]["targets"] |= change
    files["snapshot"] = signed(snapshot, notary.keys["snapshot"])
    refused(judge(stamp(files, notary), notary.root_key.pem), "wrong-hash")


def test_endless_data_is_refused_unread(sound: Notary) -> None:
    files = {**sound.files(), "timestamp": b" " * (17 << 20)}
    refused(judge(files, sound.root_key.pem), "too-large")


@pytest.mark.parametrize("role", ["root", "timestamp", "snapshot", "targets"])
def test_a_missing_file_is_named(sound: Notary, role: str) -> None:
    files = sound.files()
    del files[role]
    judgement = judge(files, sound.root_key.pem)
    refused(judgement, "missing")
    assert any(role in one.sentence for one in judgement.refused)


# Keys and signatures


@pytest.mark.parametrize("role", ["root", "timestamp", "snapshot", "targets"])
def test_a_signature_by_another_key_does_not_count(notary: Notary, role: str) -> None:
    pin = notary.root_key.pem
    if role == "root":
        notary.root_signers = [certified()]
    files = notary.files()
    if role != "root":
        content = json.loads(files[role])["signed"]
        files[role] = signed(content, ecdsa())
        files = resign(files, notary, role, files[role]) if role == "targets" else files
        files = stamp(files, notary) if role == "snapshot" else files
    refused(judge(files, pin), "signature")


def test_one_key_counts_once_however_often_it_signs(notary: Notary) -> None:
    one, two = ecdsa(), ecdsa()
    notary.delegate("targets/releases", [one, two], {"v1": target()}, signers=[one, one], threshold=2)
    refused(judge(notary.files(), notary.root_key.pem), "signature")
    notary.delegated["targets/releases"] = ([one, two], {"v1": target()})
    assert judge(notary.files(), notary.root_key.pem).decision == VERIFIED


def test_a_key_under_two_ids_counts_once(notary: Notary) -> None:
    certificate = certified()
    twin = Maker(certificate.private, "ecdsa", der(certificate.private), "ecdsa")
    notary.delegate("targets/releases", [certificate, twin], {"v1": target()}, threshold=2)
    refused(judge(notary.files(), notary.root_key.pem), "signature")


@pytest.mark.parametrize("method", ["rsapss", "rsapkcs1v15", "eddsa", "ECDSA", "none", "", "pycrypto-pkcs#1 pss"])
def test_the_key_says_which_methods_there_are(notary: Notary, method: str) -> None:
    files = notary.files()
    content = json.loads(files["timestamp"])["signed"]
    refused(
        judge({**files, "timestamp": signed(content, notary.keys["timestamp"], method=method)}, notary.root_key.pem),
        "signature",
    )


@pytest.mark.parametrize("keytype", ["rsa", "ed25519", "ecdsa-x509", "rsa-x509", "hmac", ""])
def test_a_key_is_of_the_type_that_it_states(notary: Notary, keytype: str) -> None:
    notary.keys["targets"].keytype = keytype
    refused(judge(notary.files(), notary.root_key.pem), "key")


def test_a_key_is_what_its_id_promises(notary: Notary) -> None:
    files = notary.files()
    root = json.loads(files["root"])["signed"]
    theirs = ecdsa()
    root["keys"][notary.keys["targets"].id] = theirs.stated
    data = signed(root, notary.root_key)
    refused(judge(resign(files, notary, "root", data), notary.root_key.pem), "key")


def test_an_ecdsa_signature_is_not_der(notary: Notary) -> None:
    from cryptography.hazmat.primitives import hashes

    files = notary.files()
    content = json.loads(files["timestamp"])["signed"]
    der = notary.keys["timestamp"].private.sign(plain(content), ec.ECDSA(hashes.SHA256()))
    files["timestamp"] = signed(content, notary.keys["timestamp"], sig=b64(der))
    refused(judge(files, notary.root_key.pem), "signature")


@pytest.mark.parametrize("threshold", [0, -1, True, "1", None, 1.5])
def test_a_threshold_is_a_number_from_one_on(notary: Notary, threshold: object) -> None:
    files = notary.files()
    root = json.loads(files["root"])["signed"]
    root["roles"]["targets"]["threshold"] = threshold
    data = signed(root, notary.root_key)
    refused(judge(resign(files, notary, "root", data), notary.root_key.pem), "malformed")


# JSON


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"version":1', b'"version":1.0'),
        (b'"version":1', b'"version":1e0'),
        (b'"version":1', b'"version":NaN'),
        (b'"version":1', b'"version":1,"version":1'),
        (b'"version":1', b'"version":9007199254740993'),
        (b'"version":1', b'"version":0'),
        (b'"version":1', b'"version":"1"'),
        (b'"_type":"Timestamp"', b'"_type":"timestamp"'),
        (b'"_type":"Timestamp"', b'"_type":"Time\\ud800stamp"'),
        (b'"_type":"Timestamp"', b'"_type":"Time\xffstamp"'),
        (b'"_type"', b'"a":' + b"[" * 5000 + b"]" * 5000 + b',"_type"'),
    ],
)
def test_json_that_two_readers_could_understand_differently_is_refused(sound: Notary, old: bytes, new: bytes) -> None:
    files = sound.files()
    assert old in files["timestamp"]
    refused(
        judge({**files, "timestamp": files["timestamp"].replace(old, new)}, sound.root_key.pem),
        "malformed",
    )


def test_order_and_blanks_do_not_matter_as_the_signature_is_over_the_canonical_form(sound: Notary) -> None:
    files = sound.files()
    value = json.loads(files["timestamp"])
    value["signed"] = dict(reversed(value["signed"].items()))
    files["timestamp"] = json.dumps(value, indent=1).encode()
    assert judge(files, sound.root_key.pem).decision == VERIFIED


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"{}", b'{"signed":[]}', b'{"signed":{},"signatures":{}}'])
@pytest.mark.parametrize("role", ["root", "timestamp"])
def test_what_is_no_file_is_refused(sound: Notary, role: str, content: bytes) -> None:
    refused(judge({**sound.files(), role: content}, sound.root_key.pem), "malformed")


def test_a_changed_byte_anywhere_is_found() -> None:
    notary = Notary()
    notary.delegate("targets/releases", [ecdsa()], {"v1": target()})
    first = notary.files()["root"]
    notary.rotate(certified(), 2)
    files = notary.files()
    assert judge(files, first).decision == VERIFIED
    for name, data in files.items():
        for place in range(0, len(data), 7 if name == "timestamp" else 97):
            changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
            assert judge({**files, name: changed}, first).decision == DENIED, (name, place)


def test_gun_is_part_of_what_is_remembered(sound: Notary) -> None:
    assert all(f" {GUN} " in name for name in judge(sound.files(), sound.root_key.pem).remembered)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ({"b": [1, None, True, False, {}], "a": ""}, b'{"a":"","b":[1,null,true,false,{}]}'),
        ('a"b\\c', b'"a\\"b\\\\c"'),
        ("\n\x00\x1f\x7f\\n\\u0041\b", b'"\n\x00\x1f\x7f\\\\n\\\\u0041\b"'),
        ("\u00e9\u2028</>&\U0001f600", '"\u00e9\u2028</>&\U0001f600"'.encode()),
        ({"\U0001f600": 1, "\uffff": 2}, '{"\uffff":2,"\U0001f600":1}'.encode()),
    ],
)
def test_canonical_json_escapes_quotes_and_backslashes_only(value: object, written: bytes) -> None:
    assert canonical(value) == written
