"""Signatures and attestations, made: cosign's first layout, Sigstore bundles, DSSE envelopes and what carries them.

Sources: cosign, specs/SIGNATURE_SPEC.md and BUNDLE_SPEC.md; protobuf-specs, sigstore_bundle.proto; in-toto attestation
framework, spec/v1; OCI image specification 1.1, "Guidelines for Artifact Usage". Keys stay with the caller: a `Signer` is
a public key and a function.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from msgspec import Struct, field

from thwart.core.trust import BOUNDS, Piece, TrustError
from thwart.trust._case import RefusedError
from thwart.trust._values import binary, document, from_base64, table, tables, text
from thwart.trust.envelopes import COSIGN_SIGN, IN_TOTO, pae
from thwart.trust.keys import Key, Message, of

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
EMPTY = b"{}"
_EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_PAYLOAD = "application/vnd.dev.cosign.simplesigning.v1+json"
_ENVELOPE = "application/vnd.dsse.envelope.v1+json"
_SIGNATURE = "dev.cosignproject.cosign/signature"
_CERTIFICATE, _CHAIN = "dev.sigstore.cosign/certificate", "dev.sigstore.cosign/chain"
_NEVER = "0001-01-01T00:00:00Z"
_STATEMENT = "https://in-toto.io/Statement/v1"


class Signer(Struct, frozen=True, kw_only=True):
    """Who signs. `sign` makes what cosign verifies: over SHA-256 (ECDSA in DER, RSA PKCS #1 v1.5), Ed25519 over the bytes.

    `sign_with` takes further arguments of a private key's `sign`; None where the key lies in a device that chooses itself.
    `certificate` and `chain` are PEM, both empty for a bare key.
    """

    key: Key
    sign: Callable[[bytes], bytes]
    sign_with: Callable[[bytes, tuple[Any, ...]], bytes] | None = None
    certificate: bytes = b""
    chain: bytes = b""


class Layer(NamedTuple):
    """A blob to be stored and how its manifest describes it."""

    media_type: str
    content: bytes
    annotations: Mapping[str, str]

    @property
    def descriptor(self) -> dict[str, Any]:
        """The layer as manifests have it."""
        return described(self.media_type, self.content) | (
            {"annotations": dict(self.annotations)} if self.annotations else {}
        )


class Subject(Struct, frozen=True, kw_only=True):
    """The manifest that is signed; `name` is its repository, for people."""

    name: str
    digest: str
    media_type: str = OCI_MANIFEST
    size: int = 0
    annotations: Mapping[str, str] = field(default_factory=dict)


def signer_of(private: Any, name: str, certificate: bytes = b"", chain: bytes = b"") -> Signer:  # noqa: ANN401
    """A signer with a private key of cryptography's.

    Raises:
        TrustError: a key of a kind that is not used for signatures here, or a certificate of another key.
    """
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

    try:
        key = of(private.public_key(), name)
    except (AttributeError, ValueError):
        raise TrustError(f"{name!r} cannot sign here", "use ECDSA on P-256, P-384 or P-521, RSA or Ed25519") from None
    arguments: tuple[Any, ...] = ()
    if isinstance(private, ec.EllipticCurvePrivateKey):
        arguments = (ec.ECDSA(hashes.SHA256()),)
    elif isinstance(private, rsa.RSAPrivateKey):
        arguments = (padding.PKCS1v15(), hashes.SHA256())
    return certified(
        Signer(
            key=key,
            sign=lambda data: bytes(private.sign(data, *arguments)),
            sign_with=lambda data, more: bytes(private.sign(data, *more)),
        ),
        certificate,
        chain,
    )


def certified(signer: Signer, certificate: bytes, chain: bytes) -> Signer:
    """The signer with its certificate.

    Raises:
        TrustError: the certificate is none, or is about another key; a chain without a certificate.
    """
    from msgspec.structs import replace

    from thwart.trust.keys import read

    if not certificate:
        if chain:
            raise TrustError("a chain of certificates belongs to a certificate", "name it with --certificate")
        return signer
    if read(certificate, "the certificate").fingerprint != signer.key.fingerprint:
        raise TrustError("the certificate is not of the key that signs")
    return replace(signer, certificate=certificate, chain=chain)


# -- what is signed -----------------------------------------------------------------------------------------------------


def payload(subject: Subject) -> bytes:
    """The simple signing payload."""
    critical = {
        "identity": {"docker-reference": subject.name},
        "image": {"docker-manifest-digest": subject.digest},
        "type": "cosign container image signature",
    }
    return _json({"critical": critical, "optional": dict(subject.annotations) or None})


def statement(subject: Subject, predicate_type: str, predicate: object) -> bytes:
    """An in-toto statement of version 1."""
    algorithm, _, value = subject.digest.partition(":")
    about: dict[str, Any] = {"name": subject.name} if subject.name else {}
    about["digest"] = {algorithm: value}
    if subject.annotations:
        about["annotations"] = dict(subject.annotations)
    stated = {"_type": _STATEMENT, "subject": [about], "predicateType": predicate_type, "predicate": predicate}
    return _json(stated)


def sign_statement(subject: Subject) -> bytes:
    """The statement that cosign 3 signs for an image."""
    return statement(subject, COSIGN_SIGN, {})


# -- the first layout ---------------------------------------------------------------------------------------------------


def signature_layer(body: bytes, signer: Signer) -> Layer:
    """A payload with its signature."""
    notes = {_SIGNATURE: _base64(signer.sign(body)), **_certificates(signer)}
    return Layer(_PAYLOAD, body, notes)


def attestation_layer(body: bytes, predicate_type: str, signer: Signer) -> Layer:
    """A statement in its envelope."""
    sealed = _json(_envelope(body, signer))
    return Layer(_ENVELOPE, sealed, {_SIGNATURE: "", "predicateType": predicate_type, **_certificates(signer)})


def appended(manifest: bytes | None, layer: Layer) -> tuple[bytes, bytes] | None:
    """The manifest with one layer more, and its configuration; None when the layer is there already.

    Raises:
        TrustError: what lies under that tag is not such a manifest.
    """
    layers = _layers(manifest) if manifest is not None else []
    fresh = layer.descriptor
    if any(one.get("digest") == fresh["digest"] and one.get("annotations") == fresh["annotations"] for one in layers):
        return None
    layers.append(fresh)
    config = _json(
        {
            "architecture": "",
            "created": _NEVER,
            "history": [{"created": _NEVER} for _ in layers],
            "os": "",
            "rootfs": {"type": "layers", "diff_ids": [one["digest"] for one in layers]},
            "config": {},
        }
    )
    made = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": described(_CONFIG, config),
        "layers": layers,
    }
    return _json(made), config


def _layers(manifest: bytes) -> list[Any]:
    try:
        layers = tables(document(manifest, BOUNDS, "the manifest"), "layers", BOUNDS.pieces)
    except RefusedError as refused:
        raise TrustError(f"what is under the tag of the signatures cannot be added to: {refused.sentence}") from None
    if not all(text(one, "digest") and text(one, "mediaType") in (_PAYLOAD, _ENVELOPE) for one in layers):
        raise TrustError("what is under the tag of the signatures is something else, and is left alone")
    return list(layers)


# -- bundles ------------------------------------------------------------------------------------------------------------


def statement_bundle(body: bytes, signer: Signer) -> bytes:
    """A Sigstore bundle of version 0.3 around a statement."""
    return _json({**_verification(signer), "dsseEnvelope": _envelope(body, signer)})


def file_bundle(content: bytes, signer: Signer) -> bytes:
    """A Sigstore bundle of version 0.3 over a file's bytes."""
    digest = {"algorithm": "SHA2_256", "digest": _base64(hashlib.sha256(content).digest())}
    signed = {"messageDigest": digest, "signature": _base64(signer.sign(content))}
    return _json({**_verification(signer), "messageSignature": signed})


def bundle_manifest(subject: Subject, bundle: bytes, predicate_type: str, at: datetime) -> bytes:
    """The manifest that refers a bundle with a statement to its subject; its configuration is `EMPTY`."""
    made = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": BUNDLE,
        "config": described(_EMPTY_TYPE, EMPTY),
        "layers": [described(BUNDLE, bundle)],
        "subject": {"mediaType": subject.media_type, "digest": subject.digest, "size": subject.size},
        "annotations": {
            "org.opencontainers.image.created": f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "dev.sigstore.bundle.content": "dsse-envelope",
            "dev.sigstore.bundle.predicateType": predicate_type,
        },
    }
    return _json(made)


def referrer(manifest: bytes) -> dict[str, Any]:
    """A manifest as lists of referrers have it (OCI distribution specification 1.1, "Listing Referrers")."""
    stated = json.loads(manifest)
    kind = stated.get("artifactType") or stated["config"]["mediaType"]
    entry = described(OCI_MANIFEST, manifest) | {"artifactType": kind}
    return entry | ({"annotations": stated["annotations"]} if stated.get("annotations") else {})


def listed(index: bytes | None, manifest: bytes) -> bytes | None:
    """The index of the referrers' tag with one more; None when it is in there. All other entries stay as they are.

    Raises:
        TrustError: what lies under that tag is no index.
    """
    fresh = referrer(manifest)
    stated: dict[str, Any] = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}
    if index is not None:
        try:
            stated = dict(document(index, BOUNDS, "the index"))
            entries = tables(stated, "manifests", BOUNDS.values)
        except RefusedError as refused:
            raise TrustError(f"what is under the tag of the referrers cannot be added to: {refused.sentence}") from None
        if "manifests" not in stated or "layers" in stated:
            raise TrustError("what is under the tag of the referrers is something else, and is left alone")
        if any(one.get("digest") == fresh["digest"] for one in entries):
            return None
    return _json(stated | {"manifests": [*stated["manifests"], fresh]})


def described(media_type: str, content: bytes) -> dict[str, Any]:
    """A descriptor."""
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    return {"mediaType": media_type, "digest": digest, "size": len(content)}


# -- what is there already ----------------------------------------------------------------------------------------------


def said_before(pieces: Iterable[Piece], body: bytes, signer: Signer, format_: str) -> bool:
    """Whether one of the pieces is the same statement or payload, rightly signed by the same key under this certificate."""
    for piece in pieces:
        if piece.format == format_ and len(piece.content) <= BOUNDS.piece_bytes:
            try:
                held = _held(piece, signer)
            except RefusedError:
                continue
            if held is not None and held[0] == body and signer.key.verifies(held[2], Message(held[1])):
                return True
    return False


def _held(piece: Piece, signer: Signer) -> tuple[bytes, bytes, bytes] | None:
    """Body, signed bytes and signature of a piece; None where it is under another certificate, or none."""
    if piece.format == "bundle":
        bundle = document(piece.content, BOUNDS, "the bundle")
        if bundle.get("verificationMaterial") != _verification(signer)["verificationMaterial"]:
            return None
        return _sealed(table(bundle, "dsseEnvelope"))
    if piece.annotations.get(_CERTIFICATE, "").encode() != signer.certificate:
        return None
    if piece.format == "dsse":
        return _sealed(document(piece.content, BOUNDS, "the envelope"))
    return piece.content, piece.content, from_base64(piece.annotations.get(_SIGNATURE, ""), "the signature")


def _sealed(envelope: Mapping[str, Any]) -> tuple[bytes, bytes, bytes] | None:
    signatures = tables(envelope, "signatures", BOUNDS.signatures)
    if len(signatures) != 1:
        return None
    body = binary(envelope, "payload")
    return body, pae(text(envelope, "payloadType"), body), binary(signatures[0], "sig")


def _envelope(body: bytes, signer: Signer) -> dict[str, Any]:
    signature = {"sig": _base64(signer.sign(pae(IN_TOTO, body)))}
    return {"payload": _base64(body), "payloadType": IN_TOTO, "signatures": [signature]}


def _verification(signer: Signer) -> dict[str, Any]:
    """Media type and how to verify: a hint at the key, or the certificate (its chain belongs to the verifier)."""
    if signer.certificate:
        from cryptography import x509
        from cryptography.hazmat.primitives.serialization import Encoding

        leaf = x509.load_pem_x509_certificate(signer.certificate)
        material: dict[str, Any] = {"certificate": {"rawBytes": _base64(leaf.public_bytes(Encoding.DER))}}
    else:
        material = {"publicKey": {"hint": _base64(bytes.fromhex(signer.key.fingerprint.removeprefix("sha256:")))}}
    return {"mediaType": BUNDLE, "verificationMaterial": material}


def _certificates(signer: Signer) -> dict[str, str]:
    notes = {_CERTIFICATE: signer.certificate.decode(), _CHAIN: signer.chain.decode()}
    return {name: value for name, value in notes.items() if value}


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
