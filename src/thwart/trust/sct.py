"""Signed certificate timestamps: the promise of a certificate log that a certificate is public (RFC 6962 section 3)."""

from __future__ import annotations

import hashlib
from datetime import UTC
from typing import TYPE_CHECKING, Any

from thwart.trust.anchors import Log
from thwart.trust.keys import Message

if TYPE_CHECKING:
    from cryptography import x509

_PRE_ISSUER = "1.3.6.1.4.1.11129.2.4.4"
_MOST = 16


def promised(path: tuple[x509.Certificate, ...], logs: tuple[Log, ...]) -> bool:
    """Whether a known log promised the leaf of this verified path, in a timestamp embedded in it."""
    from cryptography import x509

    try:
        extension = path[0].extensions.get_extension_for_class(x509.PrecertificateSignedCertificateTimestamps)
        stamps = list(extension.value)
    except (x509.ExtensionNotFound, ValueError):
        return False
    return any(_holds(stamp, path, log) for stamp in stamps[:_MOST] for log in logs if log.id == stamp.log_id)


def _holds(stamp: Any, path: tuple[x509.Certificate, ...], log: Log) -> bool:  # noqa: ANN401 - of cryptography's Rust part
    from cryptography.hazmat.primitives import hashes

    at = stamp.timestamp.replace(tzinfo=UTC)
    if not log.window.covers(at) or not isinstance(stamp.signature_hash_algorithm, hashes.SHA256):
        return False
    return log.key.verifies(stamp.signature, Message(_signed(stamp, path)))


def _signed(stamp: Any, path: tuple[x509.Certificate, ...]) -> bytes:  # noqa: ANN401
    """The structure that the log signed (RFC 6962 section 3.2), of a pre-certificate and its real issuer's key."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    issuer = path[2] if len(path) > 2 and _is_pre_issuer(path[1]) else path[min(1, len(path) - 1)]
    spki = issuer.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    certificate = path[0].tbs_precertificate_bytes
    moment = stamp.timestamp.replace(tzinfo=UTC)
    milliseconds = round(moment.timestamp() * 1000)
    extensions = stamp.extension_bytes
    return b"".join(
        (
            b"\0\0",  # version 1, certificate_timestamp
            milliseconds.to_bytes(8, "big"),
            b"\0\1",  # precert_entry
            hashlib.sha256(spki).digest(),
            len(certificate).to_bytes(3, "big"),
            certificate,
            len(extensions).to_bytes(2, "big"),
            extensions,
        )
    )


def _is_pre_issuer(certificate: x509.Certificate) -> bool:
    from cryptography import x509

    try:
        purposes = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return False
    return _PRE_ISSUER in {one.dotted_string for one in purposes}
