"""What an entry of Rekor says: which signature, by which key or certificate, over which digest.

Kinds: hashedrekord 0.0.1 and 0.0.2, rekord 0.0.1, dsse 0.0.1 and 0.0.2, intoto 0.0.1 and 0.0.2. Others are refused, as
what they bind is not known.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from thwart.core.trust import Bounds, TrustError
from thwart.trust import keys
from thwart.trust._case import RefusedError
from thwart.trust._values import binary, document, from_base64, table, tables, text
from thwart.trust.keys import Message
from thwart.trust.rekor import Entry

_HASHES = {"SHA2_256": "sha256", "SHA2_384": "sha384", "SHA2_512": "sha512"}


class Signed(Struct, frozen=True, kw_only=True):
    """What the entry has to speak of. `certificate` is DER, empty when a bare key signed; `envelope` that of DSSE."""

    signature: bytes
    message: Message  # over which the signature is: of DSSE the pre-authentication encoding
    spki: bytes
    certificate: bytes = b""
    payload: bytes | None = None  # of DSSE
    envelope: bytes = b""  # as stored


def bind(entry: Entry, signed: Signed, bounds: Bounds) -> None:
    """Check that the entry speaks of this very signature.

    Raises:
        RefusedError: of another, or of a kind that is not known.
    """
    body = document(entry.body, bounds, "the log entry's body")
    kind, version = text(body, "kind"), text(body, "apiVersion")
    if (kind, version) != (entry.kind, entry.version):
        raise RefusedError("log-binding", "the log entry is of another kind than it is said to be")
    reader = _KINDS.get((kind, version))
    if reader is None:
        raise RefusedError("log-binding", f"what a log entry of kind {kind[:20]} {version[:10]} binds is not known")
    reader(table(body, "spec"), signed, bounds)


def _hashedrekord(spec: Mapping[str, Any], signed: Signed, _: Bounds) -> None:
    digest = table(table(spec, "data"), "hash")
    signature = table(spec, "signature")
    _same_digest(signed.message, text(digest, "algorithm"), _hex(text(digest, "value")))
    _same_signature(signed, binary(signature, "content"))
    _same_signer(signed, binary(table(signature, "publicKey"), "content"))


def _hashedrekord_2(spec: Mapping[str, Any], signed: Signed, _: Bounds) -> None:
    inner = table(spec, "hashedRekordV002")
    data, signature = table(inner, "data"), table(inner, "signature")
    _same_digest(signed.message, _HASHES.get(text(data, "algorithm"), ""), binary(data, "digest"))
    _same_signature(signed, binary(signature, "content"))
    _same_verifier(signed, table(signature, "verifier"))


def _dsse(spec: Mapping[str, Any], signed: Signed, bounds: Bounds) -> None:
    digest = table(spec, "payloadHash")
    _same_payload(signed, text(digest, "algorithm"), _hex(text(digest, "value")))
    one = _only(tables(spec, "signatures", bounds.signatures))
    _same_signature(signed, binary(one, "signature"))
    _same_signer(signed, binary(one, "verifier"))


def _dsse_2(spec: Mapping[str, Any], signed: Signed, bounds: Bounds) -> None:
    inner = table(spec, "dsseV002")
    digest = table(inner, "payloadHash")
    _same_payload(signed, _HASHES.get(text(digest, "algorithm"), ""), binary(digest, "digest"))
    one = _only(tables(inner, "signatures", bounds.signatures))
    _same_signature(signed, binary(one, "content"))
    _same_verifier(signed, table(one, "verifier"))


def _intoto(spec: Mapping[str, Any], signed: Signed, _: Bounds) -> None:
    """0.0.1 names no signature: the digest of the whole envelope binds it."""
    content = table(spec, "content")
    digest = table(content, "hash")
    whole = hashlib.sha256(signed.envelope).digest()
    if signed.payload is None or text(digest, "algorithm") != "sha256" or _hex(text(digest, "value")) != whole:
        raise RefusedError("log-binding", "the log entry is of another envelope")
    _same_signer(signed, binary(spec, "publicKey"))


def _intoto_2(spec: Mapping[str, Any], signed: Signed, bounds: Bounds) -> None:
    content = table(spec, "content")
    digest = table(content, "payloadHash")
    _same_payload(signed, text(digest, "algorithm"), _hex(text(digest, "value")))
    one = _only(tables(table(content, "envelope"), "signatures", bounds.signatures))
    twice = binary(one, "sig")  # the entry keeps the base64 text of the envelope as bytes, in base64 again
    _same_signature(signed, from_base64(twice.decode("ascii", "replace"), "sig"))
    _same_signer(signed, binary(one, "publicKey"))


_KINDS: dict[tuple[str, str], Callable[[Mapping[str, Any], Signed, Bounds], None]] = {
    ("hashedrekord", "0.0.1"): _hashedrekord,
    ("hashedrekord", "0.0.2"): _hashedrekord_2,
    ("rekord", "0.0.1"): _hashedrekord,
    ("dsse", "0.0.1"): _dsse,
    ("dsse", "0.0.2"): _dsse_2,
    ("intoto", "0.0.1"): _intoto,
    ("intoto", "0.0.2"): _intoto_2,
}


def _only(signatures: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    if len(signatures) != 1:
        raise RefusedError("log-binding", "the log entry has not exactly one signature")
    return signatures[0]


def _same_digest(message: Message, algorithm: str, digest: bytes) -> None:
    if algorithm not in _HASHES.values() or not digest or message.digest(algorithm) != digest:
        raise RefusedError("log-binding", "the log entry is over another digest")


def _same_payload(signed: Signed, algorithm: str, digest: bytes) -> None:
    if signed.payload is None:
        raise RefusedError("log-binding", "the log entry is of an envelope, the signature is not")
    _same_digest(Message(signed.payload), algorithm, digest)


def _same_signature(signed: Signed, signature: bytes) -> None:
    if signature != signed.signature:
        raise RefusedError("log-binding", "the log entry is of another signature")


def _same_signer(signed: Signed, pem: bytes) -> None:
    """Of Rekor v1: PEM of a certificate or key."""
    if b"CERTIFICATE" in pem:
        from thwart.trust import chain

        parsed = chain.load_pem(pem, Bounds(certificates=1))
        _same_certificate(signed, _der(parsed[0]))
        return
    try:
        _same_key(signed, keys.read(pem, "log entry").spki)
    except TrustError:
        raise RefusedError("log-binding", "the log entry names no key") from None


def _same_verifier(signed: Signed, verifier: Mapping[str, Any]) -> None:
    """Of Rekor v2: DER of a certificate or key."""
    if verifier.get("x509Certificate"):
        _same_certificate(signed, binary(table(verifier, "x509Certificate"), "rawBytes"))
    else:
        _same_key(signed, binary(table(verifier, "publicKey"), "rawBytes"))


def _same_certificate(signed: Signed, der: bytes) -> None:
    if not signed.certificate or der != signed.certificate:
        raise RefusedError("log-binding", "the log entry is of another certificate")


def _same_key(signed: Signed, spki: bytes) -> None:
    if signed.certificate or spki != signed.spki:
        raise RefusedError("log-binding", "the log entry is of another key")


def _hex(value: str) -> bytes:
    try:
        return bytes.fromhex(value)
    except ValueError:
        raise RefusedError("log-binding", "a digest of the log entry is not hexadecimal") from None


def _der(certificate: Any) -> bytes:  # noqa: ANN401
    from cryptography.hazmat.primitives.serialization import Encoding

    return bytes(certificate.public_bytes(Encoding.DER))
