"""What is signed here is verified by the other half of the room, and what others put there is kept."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.trust import notation_workshop
from tests.unit.trust.workshop import Workshop, public_pem
from thwart import trust
from thwart.core.errors import SourceError, UsageError
from thwart.core.limits import DEFAULT
from thwart.core.trust import DENIED, VERIFIED, Artifact, Evidence, Judgement, Piece, Roots, TrustError
from thwart.sources._push import Change, ConflictError, LayoutWriter, update
from thwart.sources._registry_errors import NotFoundError
from thwart.trust import policy, signing
from thwart.trust.signing import Subject, signer_of

DIGEST = "sha256:" + "ab" * 32
SUBJECT = Subject(name="reg.example.test/team/app", digest=DIGEST, size=7, annotations={"env": "prod"})
NOW = datetime(2026, 11, 23, tzinfo=UTC)
PRIVATE: dict[str, Any] = {
    "p256": ec.generate_private_key(ec.SECP256R1()),
    "p384": ec.generate_private_key(ec.SECP384R1()),
    "p521": ec.generate_private_key(ec.SECP521R1()),
    "rsa": rsa.generate_private_key(65537, 2048),
    "ed25519": ed25519.Ed25519PrivateKey.generate(),
}


def judge(piece: Piece, private: Any, rule: str = "", digest: str = DIGEST, content: bytes | None = None) -> Judgement:
    stated = policy.parse(f'[[trust]]\nscope = ["**", "files"]\nkey = "k"\n{rule}\n'.encode(), "thwart.toml")
    anchors = trust.read_roots(Roots(keys={"k": public_pem(private)}))
    name = "" if content is not None else SUBJECT.name
    artifact = Artifact(digests=(digest,), repository=name, content=content)
    return trust.verify(artifact, Evidence(pieces=(piece,)), stated, anchors, NOW)


def pieces(signer: signing.Signer) -> dict[str, Piece]:
    """The same image in both layouts."""
    layer = signing.signature_layer(signing.payload(SUBJECT), signer)
    bundle = signing.statement_bundle(signing.sign_statement(SUBJECT), signer)
    return {
        "cosign": Piece(format="cosign", where="l", content=layer.content, annotations=layer.annotations),
        "bundle": Piece(format="bundle", where="b", content=bundle),
    }


@pytest.mark.parametrize("kind", PRIVATE)
@pytest.mark.parametrize("layout", ["cosign", "bundle"])
def test_both_layouts_are_verified(kind: str, layout: str) -> None:
    piece = pieces(signer_of(PRIVATE[kind], kind))[layout]
    assert judge(piece, PRIVATE[kind], 'annotations = {env = "prod"}').decision == VERIFIED
    assert judge(piece, PRIVATE[kind], 'annotations = {env = "test"}').decision == DENIED
    assert judge(piece, PRIVATE[kind], digest="sha256:" + "cd" * 32).decision == DENIED
    assert judge(piece, ec.generate_private_key(ec.SECP256R1())).decision == DENIED


@pytest.mark.parametrize("kind", PRIVATE)
def test_files(kind: str) -> None:
    import hashlib

    bundle = Piece(format="bundle", where="f", content=signing.file_bundle(b"hello", signer_of(PRIVATE[kind], kind)))
    digest = "sha256:" + hashlib.sha256(b"hello").hexdigest()
    assert judge(bundle, PRIVATE[kind], digest=digest, content=b"hello").decision == VERIFIED
    other = "sha256:" + hashlib.sha256(b"hullo").hexdigest()
    assert judge(bundle, PRIVATE[kind], digest=other, content=b"hullo").decision == DENIED


def test_the_payload_is_cosigns() -> None:
    """Byte by byte what cosign 2.5 writes."""
    bare = Subject(name="r.example.test/a", digest=DIGEST)
    expected = (
        '{"critical":{"identity":{"docker-reference":"r.example.test/a"},"image":{"docker-manifest-digest":"' + DIGEST
    )
    assert signing.payload(bare).decode() == expected + '"},"type":"cosign container image signature"},"optional":null}'


def test_attestations() -> None:
    signer = signer_of(PRIVATE["p256"], "k")
    body = signing.statement(SUBJECT, "https://example.test/p", {"a": 1})
    layer = signing.attestation_layer(body, "https://example.test/p", signer)
    piece = Piece(format="dsse", where="a", content=layer.content, annotations=layer.annotations)
    rule = 'attestation = {predicate = "https://example.test/p"}'
    good = judge(piece, PRIVATE["p256"], rule)
    assert (good.decision, good.attestations[0].predicate) == (VERIFIED, {"a": 1})
    assert judge(piece, PRIVATE["p256"]).decision == DENIED  # it is no signature


def test_a_key_that_cannot_sign() -> None:
    with pytest.raises(TrustError, match="cannot sign"):
        signer_of(x25519.X25519PrivateKey.generate(), "k")
    shop = Workshop()
    leaf, _ = shop.leaf()
    with pytest.raises(TrustError, match="not of the key"):
        signer_of(PRIVATE["p256"], "k", shop.pem(leaf))
    with pytest.raises(TrustError, match="belongs to a certificate"):
        signer_of(PRIVATE["p256"], "k", chain=shop.pem(leaf))


def test_what_was_said_before_is_known() -> None:
    signer = signer_of(PRIVATE["p256"], "k")
    held = tuple(pieces(signer).values())
    body = signing.payload(SUBJECT)
    assert signing.said_before(held, body, signer, "cosign")
    assert signing.said_before(held, signing.sign_statement(SUBJECT), signer, "bundle")
    assert not signing.said_before(held, body, signer_of(PRIVATE["p384"], "k"), "cosign")
    assert not signing.said_before(held, body + b" ", signer, "cosign")
    forged = Piece(format="cosign", where="l", content=body, annotations={"dev.cosignproject.cosign/signature": "AAAA"})
    assert not signing.said_before((forged,), body, signer, "cosign")


@given(st.binary(max_size=200))
def test_evidence_that_is_garbage_is_nothing_said(noise: bytes) -> None:
    signer = signer_of(PRIVATE["p256"], "k")
    for format_ in ("cosign", "dsse", "bundle"):
        assert not signing.said_before((Piece(format=format_, where="", content=noise),), b"x", signer, format_)


def test_layers_are_added_and_never_lost() -> None:
    signer = signer_of(PRIVATE["p256"], "k")
    one, two = (signing.signature_layer(signing.payload(SUBJECT), signer) for _ in range(2))
    first = signing.appended(None, one)
    assert first is not None
    assert signing.appended(first[0], one) is None
    second = signing.appended(first[0], two)
    assert second is not None
    layers = json.loads(second[0])["layers"]
    assert [layer["annotations"] for layer in layers] == [one.annotations, two.annotations]
    assert json.loads(second[1])["rootfs"]["diff_ids"] == [layer["digest"] for layer in layers]


@pytest.mark.parametrize(
    "there",
    [b"", b"[]", b"{", b'{"layers":[1]}', b'{"layers":[{"digest":"sha256:ab","mediaType":"application/x"}]}'],
)
def test_what_is_no_manifest_of_signatures_is_left_alone(there: bytes) -> None:
    layer = signing.signature_layer(b"{}", signer_of(PRIVATE["p256"], "k"))
    with pytest.raises(TrustError, match="under the tag"):
        signing.appended(there, layer)


def test_the_list_of_referrers_keeps_all_others() -> None:
    manifest = signing.bundle_manifest(SUBJECT, b"{}", "https://example.test/p", NOW)
    odd = {"mediaType": "application/x", "digest": "sha256:" + "1" * 64, "size": 3, "x": {"y": [1]}}
    before = json.dumps({"schemaVersion": 2, "manifests": [odd], "annotations": {"a": "b"}}).encode()
    made = signing.listed(before, manifest)
    assert made is not None
    index = json.loads(made)
    assert (index["manifests"][0], index["annotations"]) == (odd, {"a": "b"})
    assert index["manifests"][1]["artifactType"] == signing.BUNDLE
    assert signing.listed(made, manifest) is None
    for wrong in (b"{}", b'{"layers":[],"manifests":[]}', b'{"manifests":{}}', b"nothing"):
        with pytest.raises(TrustError, match="under the tag"):
            signing.listed(wrong, manifest)


# -- writing ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def layout(tmp_path: Path) -> LayoutWriter:
    (tmp_path / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    (tmp_path / "index.json").write_text('{"schemaVersion":2,"manifests":[]}')
    return LayoutWriter(tmp_path, DEFAULT)


def test_a_layout_is_written(layout: LayoutWriter, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        layout.manifest("t")
    for text in (b'{"layers":[]}', b'{"layers":[],"a":1}'):
        layout.put_manifest(text, signing.OCI_MANIFEST, "t")
        assert layout.manifest("t").raw == text
    assert layout.put_manifest(b'{"subject":{}}', signing.OCI_MANIFEST)
    index = json.loads((tmp_path / "index.json").read_text())
    assert [one.get("annotations") for one in index["manifests"]] == [{"org.opencontainers.image.ref.name": "t"}, None]
    assert not list(tmp_path.rglob(".thwart-*"))


def test_a_layout_that_cannot_be_written(layout: LayoutWriter, tmp_path: Path) -> None:
    (tmp_path / "blobs").write_text("in the way")
    with pytest.raises(SourceError, match="cannot be written"):
        layout.put_blob(b"x")


def test_what_another_writer_adds_meanwhile_stays(layout: LayoutWriter) -> None:
    """Somebody writes between our first look and our write: the change is made again, on top of theirs."""
    seen: list[bytes | None] = []

    def change(before: bytes | None) -> Change | None:
        seen.append(before)
        if len(seen) == 1:
            layout.put_manifest(b'{"theirs":1}', signing.OCI_MANIFEST, "t")
        held = json.loads(before or b"{}")
        return None if "ours" in held else Change(json.dumps(held | {"ours": 1}).encode())

    update(layout, "t", signing.OCI_MANIFEST, change)
    assert json.loads(layout.manifest("t").raw) == {"theirs": 1, "ours": 1}


def test_writers_who_never_stop_are_told_of(layout: LayoutWriter) -> None:
    count = iter(range(100))

    def change(before: bytes | None) -> Change:
        layout.put_manifest(b'{"n":%d}' % next(count), signing.OCI_MANIFEST, "t")
        return Change(b"{}")

    with pytest.raises(ConflictError, match="others keep writing"):
        update(layout, "t", signing.OCI_MANIFEST, change)


# -- keys ---------------------------------------------------------------------------------------------------------------


def test_keys_are_made_once_and_opened_again(tmp_path: Path) -> None:
    from thwart.api._signing_keys import generate, open_key

    private, public = generate(tmp_path / "k", b"secret")
    assert private.stat().st_mode & 0o777 == 0o600
    assert open_key(str(private), lambda _: b"secret").key.fingerprint
    with pytest.raises(TrustError, match="does not open"):
        open_key(str(private), lambda _: b"wrong")
    with pytest.raises(TrustError, match="not a private key"):
        open_key(str(public), lambda _: b"secret")
    with pytest.raises(SourceError, match="not overwritten"):
        generate(tmp_path / "k", b"secret")
    with pytest.raises(UsageError, match="passphrase"):
        generate(tmp_path / "l", b"")
    with pytest.raises(UsageError, match="kind of key"):
        generate(tmp_path / "l", b"secret", "dsa")


@pytest.mark.parametrize("encrypted", [False, True])
@pytest.mark.parametrize("form", ["PKCS8", "TraditionalOpenSSL"])
def test_keys_of_other_tools(tmp_path: Path, form: str, encrypted: bool) -> None:
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        KeySerializationEncryption,
        NoEncryption,
        PrivateFormat,
    )

    from thwart.api._signing_keys import open_key

    secret: KeySerializationEncryption = BestAvailableEncryption(b"secret") if encrypted else NoEncryption()
    data = PRIVATE["p256"].private_bytes(Encoding.PEM, getattr(PrivateFormat, form), secret)
    (tmp_path / "k").write_bytes(data)
    asked: list[str] = []

    def ask(name: str) -> bytes:
        asked.append(name)
        return b"secret"

    signer = open_key(str(tmp_path / "k"), ask)
    assert (signer.key.fingerprint, bool(asked)) == (signer_of(PRIVATE["p256"], "k").key.fingerprint, encrypted)


# -- a whole layout -----------------------------------------------------------------------------------------------------


@pytest.fixture
def image(layout: LayoutWriter, tmp_path: Path) -> str:
    """The digest of the only image in a layout, `t`."""
    config = b'{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}'
    layout.put_blob(config)
    described = signing.described("application/vnd.oci.image.config.v1+json", config)
    made = {"schemaVersion": 2, "mediaType": signing.OCI_MANIFEST, "config": described, "layers": []}
    raw = json.dumps(made).encode()
    layout.put_manifest(raw, signing.OCI_MANIFEST, "t")
    return str(signing.described("", raw)["digest"])


@pytest.mark.parametrize("kind", ["legacy", "bundle"])
def test_a_signed_layout_is_still_one_image(tmp_path: Path, image: str, kind: str) -> None:
    from thwart.api._sign import SignOptions, sign
    from thwart.sources import Image, OpenOptions
    from thwart.sources._container import FolderContainer
    from thwart.sources._evidence_layout import gather_layout
    from thwart.sources.detect import open_target

    signer = signer_of(PRIVATE["p256"], "k")
    for target, fresh in ((f"oci:{tmp_path}", True), (str(tmp_path), False), (f"oci:{tmp_path}:{image}", False)):
        (done,) = sign(target, signer, SignOptions(layout=kind))
        assert (done.digest, done.fresh) == (image, fresh)
    (piece,) = gather_layout(FolderContainer(tmp_path), "L", "t", "", DEFAULT)[1].pieces
    assert judge(piece, PRIVATE["p256"], digest=image).decision == VERIFIED
    opened = open_target(f"oci:{tmp_path}", OpenOptions(), DEFAULT, lambda _: pytest.fail("not read"))
    assert isinstance(opened, Image)
    assert opened.asset.digest == image


def test_notation_in_a_layout(tmp_path: Path, image: str) -> None:
    from thwart.api._sign import SignOptions, sign
    from thwart.sources._container import FolderContainer
    from thwart.sources._evidence_layout import gather_layout

    shop = notation_workshop.Signer()
    pems = shop.pem.split(b"-----END CERTIFICATE-----\n")
    leaf, chain = pems[0] + b"-----END CERTIFICATE-----\n", b"-----END CERTIFICATE-----\n".join(pems[1:])
    signer = signer_of(shop.key, "k", leaf, chain)
    (done,) = sign(f"oci:{tmp_path}:t", signer, SignOptions(layout="notation", now=notation_workshop.NOW))
    held, evidence = gather_layout(FolderContainer(tmp_path), "L", "t", "", DEFAULT)
    assert done.digest == held.digest == image
    (piece,) = evidence.pieces
    artifact = Artifact(
        digests=(image,), repository="registry.example/team/app", media_type=held.media_type, size=held.size
    )
    judgement = notation_workshop.judge(piece.content, shop.root_pem, artifact=artifact)
    assert judgement.decision == VERIFIED, judgement.refused
    with pytest.raises(TrustError, match="certificate"):
        sign(f"oci:{tmp_path}:t", signer_of(shop.key, "k"), SignOptions(layout="notation"))


def test_what_cannot_be_resolved_is_not_signed(tmp_path: Path, image: str) -> None:
    from thwart.api._sign import SignOptions, sign

    signer = signer_of(PRIVATE["p256"], "k")
    for target in (f"oci:{tmp_path}:none", f"oci:{tmp_path / 'none'}", "./none", f"file:{tmp_path / 'none'}"):
        with pytest.raises(SourceError):
            sign(target, signer)
    with pytest.raises(UsageError, match="layout"):
        sign(f"oci:{tmp_path}", signer, SignOptions(layout="odd"))
    path = tmp_path / "blobs" / image.replace(":", "/")
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(SourceError):
        sign(f"oci:{tmp_path}:t", signer)
