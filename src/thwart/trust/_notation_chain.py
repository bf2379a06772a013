"""The certificates that come with a Notary Project signature: leaf first, each issued by the next, a root at the end.

Source: Notary Project signature specification, "Certificate Requirements", and RFC 5280 sections 4.2 and 6.1. When they
are valid is not asked here but where the signature's time is known (`_notation_time`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

from thwart.trust import _notation_keys, chain
from thwart.trust._case import RefusedError

if TYPE_CHECKING:
    from cryptography import x509

_E = TypeVar("_E", bound="x509.ExtensionType")
_USAGES = ("key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign")
_OTHER_PURPOSES = frozenset(  # any, server, client, e-mail, time stamping, OCSP
    ["2.5.29.37.0", *(f"1.3.6.1.5.5.7.3.{number}" for number in (1, 2, 4, 8, 9))]
)
_KNOWN_CRITICAL = frozenset(["2.5.29.15", "2.5.29.17", "2.5.29.19", "2.5.29.37"])
_WEAK = frozenset({"md5", "sha1"})
_RSA_BITS = range(2048, 16385)


def check(certificates: Sequence[x509.Certificate]) -> None:
    """Hold the chain to the specification.

    Raises:
        RefusedError: with the first certificate that is not as it must be.
    """
    from cryptography.exceptions import UnsupportedAlgorithm

    if not certificates:
        raise RefusedError("certificate", "the signature comes without certificates")
    try:
        _issued(certificates)
        _leaf(certificates[0])
        for below, authority in enumerate(certificates[1:]):
            _authority(authority, below)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise RefusedError("certificate", "a certificate in the signature has a malformed or an unknown part") from None


def extension(certificate: x509.Certificate, kind: type[_E]) -> x509.Extension[_E] | None:
    """An extension with its criticality; None when there is none."""
    from cryptography import x509

    try:
        return certificate.extensions.get_extension_for_class(kind)
    except x509.ExtensionNotFound:
        return None


def named(certificate: x509.Certificate) -> str:
    """The subject, for a reader."""
    return certificate.subject.rfc4514_string()[:200] or "nobody"


def _issued(certificates: Sequence[x509.Certificate]) -> None:
    *lower, root = certificates
    if not _by(root, root):
        raise RefusedError("certificate", f"the chain does not end in a self-signed root, but in {named(root)}")
    for at, certificate in enumerate(lower):
        if chain.self_signed(certificate) and _by(certificate, certificate):
            raise RefusedError(
                "certificate", f"the chain has a self-signed certificate before its end: {named(certificate)}"
            )
        if not _by(certificate, certificates[at + 1]):
            raise RefusedError(
                "certificate",
                f"{named(certificate)} was not issued by the next in the chain, {named(certificates[at + 1])}",
            )


def _by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    from cryptography.exceptions import InvalidSignature

    algorithm = certificate.signature_hash_algorithm
    if algorithm is not None and algorithm.name in _WEAK:
        raise RefusedError("certificate", f"the certificate of {named(certificate)} is signed over {algorithm.name}")
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError):
        return False
    return True


def _leaf(leaf: x509.Certificate) -> None:
    from cryptography import x509

    _critical(leaf)
    constraints = extension(leaf, x509.BasicConstraints)
    if constraints is not None and constraints.value.ca:
        raise RefusedError("certificate", f"the signer's certificate, {named(leaf)}, is that of an authority")
    usage = _usage(leaf)
    if not usage.digital_signature:
        raise RefusedError("certificate", f"the certificate of {named(leaf)} is not for digital signatures")
    if any(getattr(usage, one) for one in _USAGES):
        raise RefusedError("certificate", f"the certificate of {named(leaf)} is for more than digital signatures")
    purposes = extension(leaf, x509.ExtendedKeyUsage)
    if purposes is not None:
        stated = {one.dotted_string for one in purposes.value}
        if chain.CODE_SIGNING not in stated:
            raise RefusedError("certificate", f"the certificate of {named(leaf)} is not for signing code")
        if stated & _OTHER_PURPOSES:
            raise RefusedError("certificate", f"the certificate of {named(leaf)} is for more than signing code")
    _notation_keys.of(leaf.public_key())


def _authority(authority: x509.Certificate, below: int) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    _critical(authority)
    constraints = extension(authority, x509.BasicConstraints)
    if constraints is None or not constraints.critical or not constraints.value.ca:
        raise RefusedError("certificate", f"{named(authority)} is in the chain, but is not an authority")
    length = constraints.value.path_length
    if length is not None and length < below:
        raise RefusedError("certificate", f"the chain is longer than {named(authority)} allows")
    if not _usage(authority).key_cert_sign:
        raise RefusedError("certificate", f"{named(authority)} may not sign certificates")
    public = authority.public_key()
    if isinstance(public, ec.EllipticCurvePublicKey):
        sound = public.key_size >= 256
    else:
        sound = isinstance(public, rsa.RSAPublicKey) and public.key_size in _RSA_BITS
    if not sound:
        raise RefusedError(
            "certificate", f"the key of {named(authority)} is too short, or of a kind that is not accepted"
        )


def _usage(certificate: x509.Certificate) -> x509.KeyUsage:
    from cryptography import x509

    usage = extension(certificate, x509.KeyUsage)
    if usage is None or not usage.critical:
        raise RefusedError("certificate", f"the certificate of {named(certificate)} has no critical key usage")
    return usage.value


def _critical(certificate: x509.Certificate) -> None:
    """RFC 5280 section 4.2; constraints on names are not processed here, and so refused where they are critical."""
    for one in certificate.extensions:
        if one.critical and one.oid.dotted_string not in _KNOWN_CRITICAL:
            raise RefusedError("certificate", f"a critical extension {one.oid.dotted_string} is not known")
