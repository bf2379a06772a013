"""Sigstore bundles (protobuf-specs, sigstore_bundle.proto; Sigstore client specification, "Bundle")."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from thwart.core.trust import Artifact, Piece
from thwart.trust import chain, envelopes, rekor
from thwart.trust._case import Case, Found, RefusedError, reads
from thwart.trust._values import binary, document, table, tables, text
from thwart.trust.keys import Message
from thwart.trust.rekor import Entry
from thwart.trust.signer import Material, vouch

if TYPE_CHECKING:
    from cryptography import x509

_OLDEST = "application/vnd.dev.sigstore.bundle+json;version=0.1"
_NEWEST = "application/vnd.dev.sigstore.bundle.v0.3+json"
MEDIA_TYPES = (
    _OLDEST,
    "application/vnd.dev.sigstore.bundle+json;version=0.2",
    "application/vnd.dev.sigstore.bundle+json;version=0.3",
    _NEWEST,
)
_HASHES = {"SHA2_256": "sha256", "SHA2_384": "sha384", "SHA2_512": "sha512"}


@reads("bundle")
def verify(case: Case) -> Iterable[Found]:
    """Bundles, each of which holds one signature and everything to verify it by."""
    return case.each(_one)


def _one(case: Case, piece: Piece) -> Iterable[Found]:
    bundle = document(piece.content, case.bounds, "the bundle")
    version = text(bundle, "mediaType")
    if version not in MEDIA_TYPES:
        raise RefusedError("media-type", f"a bundle of media type {version[:80]!r} is not known")
    verification = table(bundle, "verificationMaterial")
    leaf, others = _certificates(verification, version, case)
    beside: dict[str, Any] = {
        "certificate": leaf,
        "others": others,
        "entries": _entries(verification, version, case),
        "responses": _responses(verification, case),
        "whole": True,
    }
    message, envelope = bundle.get("messageSignature"), bundle.get("dsseEnvelope")
    if (message is None) == (envelope is None):
        raise RefusedError("malformed", "the bundle holds not exactly one of message signature and envelope")
    if envelope is not None:
        return _enveloped(case, piece, envelopes.read(table(bundle, "dsseEnvelope"), case.bounds), beside)
    return _signed(case, piece, table(bundle, "messageSignature"), beside)


def _signed(case: Case, piece: Piece, value: Mapping[str, Any], beside: Mapping[str, Any]) -> list[Found]:
    message, digests = _message(case.artifact)
    _identified(table(value, "messageDigest"), message)
    signature = binary(value, "signature")
    if not signature:
        raise RefusedError("malformed", "the bundle has an empty signature")
    return list(vouch(case, piece, Material(signature=signature, message=message, **beside), digests[0]))


def _identified(stated: Mapping[str, Any], message: Message) -> None:
    """sigstore_common.proto, MessageSignature: the digest is optional, and never what is verified; a wrong one is refused.

    Raises:
        RefusedError: it is of another artifact, or by an algorithm that is not known.
    """
    if not text(stated, "algorithm") and not text(stated, "digest"):
        return
    algorithm = _HASHES.get(text(stated, "algorithm"), "")
    if not algorithm:
        raise RefusedError("malformed", "the bundle does not say of which digest it is, by a known algorithm")
    if message.digest(algorithm) not in (None, binary(stated, "digest")):
        raise RefusedError("wrong-digest", "the bundle is for another digest than this artifact's")


def _enveloped(case: Case, piece: Piece, envelope: envelopes.Envelope, beside: Mapping[str, Any]) -> list[Found]:
    if len(envelope.signatures) != 1:  # sigstore_bundle.proto, dsse_envelope: MUST contain only a single signature
        raise RefusedError("malformed", "the bundle's envelope has not exactly one signature")
    material = Material(
        signature=envelope.signatures[0],
        message=Message(envelope.signed),
        payload=envelope.payload,
        **beside,
    )
    stated = envelopes.statement(envelope, case.artifact, case.bounds)
    return envelopes.found(stated, vouch(case, piece, material, stated.digest, annotations=stated.annotations))


def _message(artifact: Artifact) -> tuple[Message, tuple[str, ...]]:
    digests = {name: bytes.fromhex(value) for name, _, value in (one.partition(":") for one in artifact.digests)}
    return Message(artifact.content, digests), artifact.digests


def _certificates(
    verification: Mapping[str, Any], version: str, case: Case
) -> tuple[x509.Certificate | None, tuple[x509.Certificate, ...]]:
    """sigstore_bundle.proto: from 0.3 on a single certificate or a key; before, a chain, whose roots mean nothing here."""
    kinds = [
        kind for kind in ("certificate", "x509CertificateChain", "publicKey") if verification.get(kind) is not None
    ]
    if len(kinds) != 1:
        raise RefusedError("malformed", "the bundle has not exactly one of certificate, chain and key")
    if kinds[0] == "publicKey":
        return None, ()
    if kinds[0] == "certificate":
        return chain.load_der(binary(table(verification, "certificate"), "rawBytes")), ()
    if version == _NEWEST:
        raise RefusedError("malformed", "a bundle of version 0.3 must not hold a chain of certificates")
    listed = tables(table(verification, "x509CertificateChain"), "certificates", case.bounds.certificates)
    certificates = [chain.load_der(binary(one, "rawBytes")) for one in listed]
    if not certificates:
        raise RefusedError("malformed", "the bundle's chain of certificates is empty")
    return certificates[0], tuple(certificates[1:])


def _entries(verification: Mapping[str, Any], version: str, case: Case) -> tuple[Entry, ...]:
    entries = tuple(rekor.of_bundle(one) for one in tables(verification, "tlogEntries", case.bounds.entries))
    for entry in entries:
        if version == _OLDEST and not entry.promise:
            raise RefusedError("log", "a bundle of version 0.1 must hold the log's promise")
        if version == _OLDEST and entry.proof is None:
            continue
        if entry.proof is None or not entry.proof.checkpoint:
            raise RefusedError("log", "the bundle's log entry has no proof of inclusion with a checkpoint")
    return entries


def _responses(verification: Mapping[str, Any], case: Case) -> tuple[bytes, ...]:
    data = table(verification, "timestampVerificationData")
    stamps = tables(data, "rfc3161Timestamps", case.bounds.timestamps)
    return tuple(binary(one, "signedTimestamp") for one in stamps)
