"""The six signature algorithms of the Notary Project, each bound to one kind and size of key.

Source: Notary Project signature specification, "Signature Algorithm Requirements"; RFC 7518 sections 3.4 and 3.5; RFC
9053 section 2.1. What is signed with is decided by the certificate's key, so that an envelope cannot choose.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from thwart.trust._case import RefusedError

if TYPE_CHECKING:
    from cryptography import x509


class Algorithm(Struct, frozen=True):
    """`name` as JWS writes it, `cose` as COSE numbers it, `half` the bytes of r and of s (0 for RSA)."""

    name: str
    cose: int
    hash: str
    half: int = 0


_OF_RSA = {
    2048: Algorithm("PS256", -37, "SHA256"),
    3072: Algorithm("PS384", -38, "SHA384"),
    4096: Algorithm("PS512", -39, "SHA512"),
}
_OF_CURVE = {
    "secp256r1": Algorithm("ES256", -7, "SHA256", 32),
    "secp384r1": Algorithm("ES384", -35, "SHA384", 48),
    "secp521r1": Algorithm("ES512", -36, "SHA512", 66),
}
ALGORITHMS = (*_OF_RSA.values(), *_OF_CURVE.values())


def of(public: object) -> Algorithm:
    """The algorithm that a public key signs with.

    Raises:
        RefusedError: the key is of another kind or size.
    """
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    if isinstance(public, rsa.RSAPublicKey) and public.key_size in _OF_RSA:
        return _OF_RSA[public.key_size]
    if isinstance(public, ec.EllipticCurvePublicKey) and public.curve.name in _OF_CURVE:
        return _OF_CURVE[public.curve.name]
    raise RefusedError(
        "algorithm", "the signer's key is neither RSA of 2048, 3072 or 4096 bits nor of P-256, 384 or 521"
    )


def arguments(algorithm: Algorithm) -> tuple[Any, ...]:
    """What `cryptography`'s `sign` and `verify` want after the data: for RSA, PSS with a salt as long as the hash."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding

    digest: hashes.HashAlgorithm = getattr(hashes, algorithm.hash)()
    if algorithm.half:
        return (ec.ECDSA(digest),)
    return padding.PSS(padding.MGF1(digest), digest.digest_size), digest


def verify(leaf: x509.Certificate, algorithm: Algorithm, signature: bytes, signed: bytes) -> None:
    """Check a signature as envelopes hold it: for ECDSA r and s, each of full length.

    Raises:
        RefusedError: it is not right.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    public: Any = leaf.public_key()
    if algorithm.half:
        if len(signature) != 2 * algorithm.half:
            raise RefusedError("signature", f"the signature has {len(signature)} bytes, not {2 * algorithm.half}")
        r, s = signature[: algorithm.half], signature[algorithm.half :]
        signature = encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))
    try:
        public.verify(signature, signed, *arguments(algorithm))
    except (InvalidSignature, ValueError):
        raise RefusedError("signature", "the signature is not right under the signer's certificate") from None


def raw(algorithm: Algorithm, signature: bytes) -> bytes:
    """A signature as `cryptography` makes it, in the form that envelopes hold."""
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    if not algorithm.half:
        return signature
    r, s = decode_dss_signature(signature)
    return r.to_bytes(algorithm.half, "big") + s.to_bytes(algorithm.half, "big")
