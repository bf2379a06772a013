"""The cases of sigstore-conformance (test/assets/bundle-verify), rebuilt under the names and for the reasons given there."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from msgspec import Struct

from tests.unit.trust.instance import (
    ARTIFACT,
    IDENTITY,
    ISSUER,
    LATER,
    ORIGIN,
    Instance,
    canonical,
    p256,
    statement,
)
from tests.unit.trust.stamps import Stamper
from tests.unit.trust.workshop import DAY, START, Workshop, der, public_pem
from thwart.cli import main
from thwart.lib import signed_note

HOME = Instance()
KEY = p256()
HASHED = ("hashedrekord", "0.0.1")
V1 = HOME.message()
V1_DSSE = HOME.enveloped()
V2 = HOME.message(2)
V2_DSSE = HOME.enveloped(2, ("hashedrekord", "0.0.2"))
MANAGED = HOME.message(key=KEY)
ROOT = HOME.root_file()


class Scene(Struct):
    """What the suite gives to a client. `key` stands for the identity."""

    bundle: Any
    root: dict[str, Any]
    artifact: bytes = ARTIFACT
    key: bytes = b""
    identity: str = IDENTITY


def change(document: Any, path: str, value: object) -> None:
    *steps, last = path.split("/")
    for step in steps:
        document = document[int(step) if step.isdigit() else step]
    if value is None:
        del document[last]
    else:
        document[last] = value


def but(
    bundle: Any, path: str = "", value: object = None, root: tuple[str, object] | None = None, **more: Any
) -> Scene:
    """A scene in which one thing is another."""
    scene = Scene(copy.deepcopy(bundle), copy.deepcopy(ROOT), **more)
    if path:
        change(scene.bundle, path, value)
    if root:
        change(scene.root, *root)
    return scene


M = "verificationMaterial/"
E = M + "tlogEntries/0/"
CHECKPOINT = E + "inclusionProof/checkpoint/envelope"


def at(document: Any, path: str) -> Any:
    for step in path.split("/"):
        document = document[int(step) if step.isdigit() else step]
    return document


def flipped(text: str) -> str:
    raw = bytearray(base64.b64decode(text))
    raw[-1] ^= 1
    return HOME.base64(bytes(raw))


def signature_of(bundle: Any) -> bytes:
    path = "messageSignature/signature" if "messageSignature" in bundle else "dsseEnvelope/signatures/0/sig"
    return base64.b64decode(at(bundle, path))


def chained(version: str, *more: Any) -> Any:
    bundle = copy.deepcopy(V1)
    own = bundle["verificationMaterial"].pop("certificate")
    others = [{"rawBytes": HOME.base64(one.public_bytes(Encoding.DER))} for one in more]
    bundle["verificationMaterial"]["x509CertificateChain"] = {"certificates": [own, *others]}
    bundle["mediaType"] = f"application/vnd.dev.sigstore.bundle+json;version={version}"
    return bundle


def oldest() -> Any:
    bundle = chained("0.1")
    at(bundle, E.rstrip("/")).pop("inclusionProof")
    return bundle


def noted(*more: str, text: str = "", own: bool = True) -> Any:
    """The second generation's bundle with other lines before the log's signature."""
    bundle = copy.deepcopy(V2)
    envelope = at(bundle, CHECKPOINT)
    signed = text or envelope.partition("\n\n")[0] + "\n"
    change(bundle, CHECKPOINT, HOME.checkpoint(signed, *more) if own else signed + "\n" + "".join(more))
    return bundle


def cosigned(witness: str) -> str:
    """A line of somebody unknown (tlog-cosignature)."""
    return signed_note.line(witness, hashlib.sha256(witness.encode()).digest(), bytes(72))


def stamped(bundle: Any, *tokens: bytes) -> Any:
    bundle = copy.deepcopy(bundle)
    stamps = [{"signedTimestamp": HOME.base64(token)} for token in tokens]
    bundle["verificationMaterial"]["timestampVerificationData"] = {"rfc3161Timestamps": stamps}
    return bundle


def rebodied(bundle: Any, path: str, value: object) -> Any:
    """An entry whose body says another thing, all else of it made right by a log that is party to it."""
    bundle = copy.deepcopy(bundle)
    body = json.loads(base64.b64decode(at(bundle, E + "canonicalizedBody")))
    change(body, path, value)
    kind = (body["kind"], body["apiVersion"])
    raw = canonical(body)
    bundle["verificationMaterial"]["tlogEntries"] = [
        HOME.entry(raw, LATER, *kind) if "inclusionPromise" in at(bundle, E.rstrip("/")) else HOME.tiled(raw, kind)
    ]
    return bundle


def with_content(bundle: Any, other: Any) -> Any:
    """The first bundle with what the second one signs, and its timestamps."""
    bundle = copy.deepcopy(bundle)
    for part in ("dsseEnvelope", "messageSignature"):
        if part in other:
            bundle[part] = other[part]
    stamps = other["verificationMaterial"].get("timestampVerificationData")
    if stamps:
        bundle["verificationMaterial"]["timestampVerificationData"] = stamps
    return bundle


def one_leaf(payload: bytes, kind: tuple[str, str]) -> Any:
    return HOME.enveloped(2 if kind[1] == "0.0.2" and kind[0] == "hashedrekord" else 1, kind, payload, key=KEY)


def decoy_root() -> Any:
    """Another authority before the real one, whose intermediate has the same name and another key."""
    other = Workshop()
    root = copy.deepcopy(ROOT)
    decoy = Workshop.authority("intermediate", other.ca_key, "intermediate", other.ca_key, 0)
    listed = [{"rawBytes": HOME.base64(decoy.public_bytes(Encoding.DER))}]
    root["certificateAuthorities"].insert(
        0, {"certChain": {"certificates": listed}, "validFor": {"start": "2020-01-01T00:00:00Z"}}
    )
    return root


def same_certificate() -> tuple[Any, Any]:
    """Two envelopes, of two statements, by one certificate."""
    leaf = HOME.leaf(promised=True)
    first = HOME.enveloped(certified=leaf, kind=HASHED, stamped=True)
    return first, HOME.enveloped(certified=leaf, kind=HASHED, stamped=True, payload=statement(predicate={"x": 2}))


def same_statement(version: int, kind: tuple[str, str]) -> tuple[Any, Any]:
    leaf = HOME.leaf(promised=True)
    return tuple(HOME.enveloped(version, kind, certified=leaf, stamped=True) for _ in range(2))  # type: ignore[return-value]


STRANGER = Stamper("stranger")
EXPIRED = Stamper("expired", ends=START - DAY)
SHORT = Stamper("tsa", ends=LATER + DAY)
OUTSIDE = LATER + timedelta(hours=1)


def tsa(stamper: Stamper, **window: str) -> tuple[str, object]:
    listed = [{"rawBytes": HOME.base64(one.public_bytes(Encoding.DER))} for one in (stamper.leaf, stamper.root)]
    valid = {"start": "2020-01-01T00:00:00Z", **window}
    return "timestampAuthorities", [{"certChain": {"certificates": listed}, "validFor": valid}]


def ends(path: str, moment: str) -> tuple[str, object]:
    return path, {"start": "2020-01-01T00:00:00Z", "end": moment}


MOMENT = f"{LATER:%Y-%m-%dT%H:%M:%SZ}"
BEFORE = f"{LATER - timedelta(seconds=1):%Y-%m-%dT%H:%M:%SZ}"
ENVELOPES = same_certificate()
ENVELOPES_2 = same_statement(2, ("hashedrekord", "0.0.2"))
ENVELOPES_1 = same_statement(1, ("dsse", "0.0.1"))
BORROWED = copy.deepcopy(ROOT)
BORROWED["timestampAuthorities"] = [
    tsa(HOME.stamper, end=BEFORE)[1][0],  # type: ignore[index]
    {"certChain": {"certificates": []}, "validFor": {"start": "2025-06-01T00:00:00Z", "end": "2026-07-01T00:00:00Z"}},
]
TWO_LINES = signed_note.line(ORIGIN, b"\1\2\3\4", bytes(64))


def token(bundle: Any, when: Any = LATER, stamper: Stamper = HOME.stamper, **more: Any) -> bytes:
    return stamper.token(signature_of(bundle), when, **more)


SCENES: dict[str, Callable[[], Scene]] = {
    "happy-path-v0.1": lambda: but(oldest()),
    "proof-without-checkpoint-v0.1_fail": lambda: but(chained("0.1"), E + "inclusionProof/checkpoint"),
    # sigstore_bundle.proto: a superfluous root is ignored, as in what npm had signed by early 2023
    "root-in-chain-v0.1": lambda: but(chained("0.1", HOME.intermediate, HOME.root)),
    "root-in-chain-v0.2": lambda: but(chained("0.2", HOME.intermediate, HOME.root)),
    "happy-path-v0.2": lambda: but(chained("0.2", HOME.intermediate)),
    "happy-path-v0.3": lambda: but(V1, "mediaType", "application/vnd.dev.sigstore.bundle+json;version=0.3"),
    "happy-path-v0.3-new-mediaType": lambda: but(V1),
    "happy-path-intoto-in-dsse-v3": lambda: but(V1_DSSE),
    "happy-path-with-timestamp": lambda: but(stamped(V1, token(V1))),
    "bundle-with-sct-with-extensions": lambda: but(V1),
    "dsse-with-hashedrekord-happy-path": lambda: but(ENVELOPES[0]),
    "dsse-with-hashedrekord-invalid-sig_fail": lambda: but(
        ENVELOPES[0], "dsseEnvelope/signatures/0/sig", HOME.base64(HOME.sign(KEY, b"other"))
    ),
    "dsse-with-hashedrekord-mismatch-envelope_fail": lambda: but(with_content(*ENVELOPES)),
    "dsse-with-hashedrekord-mismatch-sig_fail": lambda: but(with_content(*same_statement(1, HASHED))),
    "bundle-empty-certificate-chain_fail": lambda: but(chained("0.2"), M + "x509CertificateChain/certificates", []),
    "bundle-from-wrong-instance_fail": lambda: but(Instance().message()),
    "bundle-invalid-base64-signature_fail": lambda: but(V1, "messageSignature/signature", "not!base64"),
    "bundle-malformed-json_fail": lambda: Scene(b'{"mediaType": ', ROOT),
    "bundle-negative-log-index_fail": lambda: but(V1, E + "logIndex", "-1"),
    "bundle-unknown-version_fail": lambda: but(
        V1, "mediaType", "application/vnd.dev.sigstore.bundle+json;version=99.9"
    ),
    # upstream's file: besides its root, its proof has no checkpoint
    "bundle-with-root-cert_fail": lambda: but(
        chained("0.1", HOME.root, HOME.intermediate), E + "inclusionProof/checkpoint"
    ),
    "checkpoint-bad-keyhint_fail": lambda: but(
        V1, CHECKPOINT, at(V1, CHECKPOINT).rpartition(" ")[0] + " AAAA" + at(V1, CHECKPOINT).rpartition(" ")[2][4:]
    ),
    "checkpoint-wrong-roothash_fail": lambda: but(V1, CHECKPOINT, at(HOME.message(), CHECKPOINT)),
    "cve-2022-36056-swapped-tlog-entry_fail": lambda: but(V1, M + "tlogEntries", at(HOME.message(), M + "tlogEntries")),
    "dsse-invalid-sig_fail": lambda: but(
        V1_DSSE, "dsseEnvelope/signatures/0/sig", HOME.base64(HOME.sign(KEY, b"other"))
    ),
    "dsse-mismatch-envelope_fail": lambda: but(with_content(ENVELOPES_1[0], ENVELOPES[1])),
    "dsse-mismatch-sig_fail": lambda: but(with_content(*ENVELOPES_1)),
    "dsse-two-signatures_fail": lambda: but(
        V1_DSSE, "dsseEnvelope/signatures", at(V1_DSSE, "dsseEnvelope/signatures") * 2
    ),
    "dsse-statement-missing-type_fail": lambda: but(
        one_leaf(statement(_type=None), ("hashedrekord", "0.0.2")), key=public_pem(KEY)
    ),
    "dsse-statement-unknown-type_fail": lambda: but(
        one_leaf(statement(_type="https://in-toto.io/Statement/v2"), ("hashedrekord", "0.0.2")), key=public_pem(KEY)
    ),
    "inclusion-proof-corrupted-hash_fail": lambda: but(
        V1, E + "inclusionProof/hashes", [flipped(at(V1, E + "inclusionProof/hashes/0"))]
    ),
    "incorrect-public-key_fail": lambda: but(
        rebodied(V1, "spec/signature/publicKey/content", HOME.base64(HOME.pem(HOME.leaf()[0])))
    ),
    "integrated-time-in-future_fail": lambda: but(
        V1, M + "tlogEntries", [HOME.entry(base64.b64decode(at(V1, E + "canonicalizedBody")), OUTSIDE)]
    ),
    "intoto-canonical-log-entry": lambda: but(one_leaf(statement(), ("intoto", "0.0.2")), key=public_pem(KEY)),
    "intoto-with-custom-trust-root": lambda: but(HOME.enveloped(kind=("intoto", "0.0.2"), stamped=True)),
    "intoto-expired-certificate_fail": lambda: but(V1_DSSE, root=ends("certificateAuthorities/0/validFor", BEFORE)),
    "intoto-log-entry-mismatch_fail": lambda: but(
        with_content(
            *(HOME.enveloped(kind=("intoto", "0.0.2"), certified=one) for one in [HOME.leaf(promised=True)] * 2)
        )
    ),
    "intoto-missing-inclusion-proof_fail": lambda: but(V1_DSSE, E + "inclusionProof"),
    "intoto-set-outside-signing-cert-validity_fail": lambda: but(
        V1_DSSE,
        M + "tlogEntries",
        [HOME.entry(base64.b64decode(at(V1_DSSE, E + "canonicalizedBody")), OUTSIDE, "dsse", "0.0.1")],
    ),
    "intoto-tsa-timestamp-outside-cert-validity_fail": lambda: but(stamped(V1_DSSE, token(V1_DSSE, OUTSIDE))),
    "invalid-checkpoint-signature_fail": lambda: but(
        V1, CHECKPOINT, at(V1, CHECKPOINT).rpartition(" ")[0] + " " + flipped(at(V1, CHECKPOINT).split(" ")[-1]) + "\n"
    ),
    "invalid-ct-key_fail": lambda: but(V1, root=("ctlogs/0/publicKey/rawBytes", HOME.base64(der(p256().public_key())))),
    "invalid-inclusion-proof_fail": lambda: but(V1, E + "inclusionProof/logIndex", "0"),
    "managed-key-and-trusted-root": lambda: but(MANAGED, key=public_pem(KEY)),
    "managed-key-happy-path": lambda: but(HOME.message(2, key=KEY), key=public_pem(KEY)),
    "managed-key-no-key_fail": lambda: but(MANAGED),
    "managed-key-wrong-key_fail": lambda: but(MANAGED, key=public_pem(p256())),
    "managed-key-and-client-identity_fail": lambda: but(MANAGED, key=public_pem(KEY)),
    "message-digest-empty": lambda: but(V1, "messageSignature/messageDigest", {}),
    "message-digest-absent": lambda: but(V1, "messageSignature/messageDigest"),
    "message-digest-without-algorithm_fail": lambda: but(V1, "messageSignature/messageDigest/algorithm"),
    "message-digest-mismatch_fail": lambda: but(
        V1, "messageSignature/messageDigest/digest", HOME.base64(hashlib.sha256(b"other").digest())
    ),
    "rekor2-happy-path": lambda: but(V2),
    "rekor2-dsse-happy-path": lambda: but(V2_DSSE),
    "rekor2-checkpoint-cosigned": lambda: but(noted(cosigned("witness.example.test/w1"))),
    "rekor2-checkpoint-multiple-cosigs": lambda: but(noted(*(cosigned(f"w{n}.example.test") for n in range(9)))),
    "rekor2-checkpoint-origin-not-first": lambda: but(noted(cosigned("a.example.test"))),
    "rekor2-checkpoint-two-sigs-from-origin": lambda: but(noted(TWO_LINES)),
    "rekor2-checkpoint-two-sigs-cosigned": lambda: but(noted(TWO_LINES, cosigned("w.example.test"))),
    "rekor2-checkpoint-extension": lambda: but(
        noted(text=at(V2, CHECKPOINT).partition("\n\n")[0] + "\nTimestamp: 17\n")
    ),
    "rekor2-checkpoint-missing-log-signature_fail": lambda: but(noted(cosigned("w.example.test"), own=False)),
    "rekor2-checkpoint-missing-origin_fail": lambda: but(
        noted(text=at(V2, CHECKPOINT).partition("\n\n")[0].partition("\n")[2] + "\n")
    ),
    "rekor2-checkpoint-missing-root-hash_fail": lambda: but(noted(text=f"{ORIGIN}\n2\n")),
    "rekor2-checkpoint-missing-size_fail": lambda: but(
        noted(text=f"{ORIGIN}\n{at(V2, E + 'inclusionProof/rootHash')}\n")
    ),
    "rekor2-checkpoint-no-matching-signature_fail": lambda: but(
        V2, CHECKPOINT, at(V2, CHECKPOINT).replace(f"\N{EM DASH} {ORIGIN}", "\N{EM DASH} other.example.test")
    ),
    "rekor2-dsse-invalid-sig_fail": lambda: but(
        V2_DSSE, "dsseEnvelope/signatures/0/sig", HOME.base64(HOME.sign(KEY, b"other"))
    ),
    "rekor2-dsse-mismatch-envelope_fail": lambda: but(with_content(V2_DSSE, ENVELOPES_2[0])),
    "rekor2-dsse-mismatch-sig_fail": lambda: but(with_content(*ENVELOPES_2)),
    "rekor2-no-inclusion-proof_fail": lambda: but(V2, E + "inclusionProof"),
    "rekor2-no-timestamp_fail": lambda: but(V2, M + "timestampVerificationData"),
    "rekor2-multiple-timestamps-one-outside-cert-validity_fail": lambda: but(
        stamped(V2, token(V2), token(V2, OUTSIDE))
    ),
    "rekor2-timestamp-with-embedded-cert": lambda: but(V2),
    "rekor2-timestamp-without-embedded-cert": lambda: but(stamped(V2, token(V2, embedded=False))),
    "rekor2-timestamp-with-expired-cert-chain": lambda: but(stamped(V2, token(V2, stamper=SHORT)), root=tsa(SHORT)),
    "rekor2-timestamp-with-incorrect-time_fail": lambda: but(stamped(V2, token(V2, OUTSIDE))),
    "rekor2-timestamp-outside-tsa-cert-validity_fail": lambda: but(
        stamped(V2, token(V2, stamper=EXPIRED)), root=tsa(EXPIRED)
    ),
    "rekor2-timestamp-outside-trust-root-tsa-validity_fail": lambda: but(V2, root=tsa(HOME.stamper, end=BEFORE)),
    "rekor2-timestamp-wrong-tsa-validity-borrow_fail": lambda: Scene(V2, BORROWED),
    "rekor2-timestamp-payload-mismatch_fail": lambda: but(stamped(V2, token(V1))),
    "rekor2-timestamp-untrusted-tsa-with-embedded-cert_fail": lambda: but(stamped(V2, token(V2, stamper=STRANGER))),
    "rekor2-timestamp-untrusted-tsa-without-embedded-cert_fail": lambda: but(
        stamped(V2, token(V2, stamper=STRANGER, embedded=False))
    ),
    "sct-duplicate-intermediate-name": lambda: Scene(V1, decoy_root()),
    "set-invalid-signature_fail": lambda: but(
        V1,
        E + "inclusionPromise/signedEntryTimestamp",
        HOME.base64(HOME.sign(HOME.log_key, b"other")),
    ),
    "signature-mismatch_fail": lambda: but(V1, "messageSignature/signature", HOME.base64(HOME.sign(KEY, ARTIFACT))),
    "trust-root-tlog-missing-validity-start_fail": lambda: but(V1, root=("tlogs/0/publicKey/validFor", {})),
    "trust-root-tlog-validity-end-inclusive": lambda: but(V1, root=ends("tlogs/0/publicKey/validFor", MOMENT)),
    "trust-root-tlog-validity-end-before_fail": lambda: but(V1, root=ends("tlogs/0/publicKey/validFor", BEFORE)),
    "trust-root-tsa-validity-end-inclusive": lambda: but(V2, root=tsa(HOME.stamper, end=MOMENT)),
    "wrong-hashedrekord-artifact_fail": lambda: but(
        rebodied(V1, "spec/data/hash/value", hashlib.sha256(b"other").hexdigest())
    ),
    "wrong-hashedrekord-cert-and-sig_fail": lambda: but(V1, M + "tlogEntries", at(HOME.message(), M + "tlogEntries")),
    "wrong-hashedrekord-entry_fail": lambda: but(
        V1, M + "tlogEntries", [HOME.entry(HOME.hashed(1, b"s", b"other", HOME.leaf()[0]), LATER)]
    ),
    "wrong-material_fail": lambda: but(V1, artifact=b"another file\n"),
    "wrong-identity_fail": lambda: but(V1, identity="other@example.test"),
}


def laid(scene: Scene, case: str, folder: Path) -> tuple[list[str], Path]:
    """The scene as files, and the flags that the suite's `verify-bundle` means."""
    bundle, root, artifact = folder / "bundle.sigstore.json", folder / "trusted_root.json", folder / "artifact"
    bundle.write_bytes(scene.bundle if isinstance(scene.bundle, bytes) else json.dumps(scene.bundle).encode())
    root.write_text(json.dumps(scene.root))
    artifact.write_bytes(scene.artifact)
    flags = ["--bundle", str(bundle), "--trusted-root", str(root)]
    if scene.key:
        (folder / "key.pub").write_bytes(scene.key)
        flags += ["--key", str(folder / "key.pub")]
    if not scene.key or "and-client-identity" in case:
        flags += ["--identity", scene.identity, "--issuer", ISSUER]
    return flags, artifact


def _cases() -> Iterator[Any]:
    for case in SCENES:
        yield pytest.param(case, False, id=case)
        yield pytest.param(case, True, id=f"{case}-DIGEST")


@pytest.mark.parametrize(("case", "by_digest"), list(_cases()))
def test_bundle_verify(case: str, by_digest: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scene = SCENES[case]()
    flags, artifact = laid(scene, case, tmp_path)
    target = "sha256:" + hashlib.sha256(scene.artifact).hexdigest() if by_digest else f"file:{artifact}"
    code = main(["verify", *flags, target])
    wanted = (1, 2) if case.endswith("_fail") else (0,)
    assert code in wanted, capsys.readouterr()


def test_a_digest_is_one_in_any_case_unless_a_file_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    flags, _ = laid(but(V1), "", tmp_path)
    target = "sha256:" + hashlib.sha256(ARTIFACT).hexdigest()
    assert main(["verify", *flags, target.upper()]) == 0, capsys.readouterr()
    monkeypatch.chdir(tmp_path)
    (tmp_path / target).write_bytes(b"another file\n")
    assert main(["verify", *flags, target]) == 1


def test_a_token_s_certificates_may_be_in_any_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As GlobalSign's are (RFC 5652 section 5.1)."""
    ders = sorted((one.public_bytes(Encoding.DER) for one in (HOME.stamper.leaf, HOME.stamper.root)), reverse=True)
    scene = but(stamped(V2, token(V2, bundled=b"".join(ders))))
    flags, artifact = laid(scene, "", tmp_path)
    assert main(["verify", *flags, f"file:{artifact}"]) == 0, capsys.readouterr()
