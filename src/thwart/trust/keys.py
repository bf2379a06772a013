"""Public keys: reading them, naming them, and verifying with them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from thwart.core.trust import TrustError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives import hashes

_BYTES = 1 << 16
_RSA_BITS = range(2048, 16385)
_CURVES = {"secp256r1": "sha256", "secp384r1": "sha384", "secp521r1": "sha512"}
_JWK_CURVES = {"P-256": "SECP256R1", "P-384": "SECP384R1", "P-521": "SECP521R1"}


class Message:
    """What is signed: the bytes themselves, or only their digests where the bytes are not at hand."""

    def __init__(self, content: bytes | None, digests: Mapping[str, bytes] | None = None) -> None:
        self.content = content
        self._digests = dict(digests or {})

    def digest(self, algorithm: str) -> bytes | None:
        """The digest by an algorithm of hashlib; None when it is not known and cannot be computed."""
        if algorithm not in self._digests and self.content is not None:
            self._digests[algorithm] = hashlib.new(algorithm, self.content).digest()
        return self._digests.get(algorithm)


class Key(Struct, frozen=True, kw_only=True):
    """A public key. `fingerprint` is `sha256:` of its SubjectPublicKeyInfo in DER, `spki` that DER."""

    name: str
    fingerprint: str
    spki: bytes
    public: Any

    def verifies(self, signature: bytes, message: Message) -> bool:
        """Whether the key made this signature over the message.

        ECDSA: ASN.1 DER, over SHA-256 (as cosign always does) or the hash that fits the curve (Sigstore's algorithm
        registry). RSA: PKCS #1 v1.5 or PSS (RFC 8017) over SHA-256, SHA-384 or SHA-512. Ed25519 and Ed25519ph (RFC 8032),
        of which cosign takes the second for what it puts on a log: over the bytes, which must be at hand. The signature
        never chooses the algorithm: the key does.
        """
        from cryptography.exceptions import InvalidSignature

        for attempt in self._attempts(message):
            try:
                self.public.verify(signature, *attempt)
            except (InvalidSignature, ValueError):
                continue
            return True
        return self._verifies_prehashed(signature, message)

    def _verifies_prehashed(self, signature: bytes, message: Message) -> bool:
        """Ed25519ph, without context; cryptography has it not, and its domain is apart from plain Ed25519's."""
        from cryptography.hazmat.primitives.asymmetric import ed25519

        if not isinstance(self.public, ed25519.Ed25519PublicKey) or message.content is None or len(signature) != 64:
            return False
        from nacl import bindings
        from nacl.exceptions import BadSignatureError

        state = bindings.crypto_sign_ed25519ph_state()
        bindings.crypto_sign_ed25519ph_update(state, message.content)
        try:
            bindings.crypto_sign_ed25519ph_final_verify(state, signature, self.public.public_bytes_raw())
        except BadSignatureError:
            return False
        return True

    def _attempts(self, message: Message) -> Iterator[tuple[Any, ...]]:
        from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

        if isinstance(self.public, ed25519.Ed25519PublicKey):
            if message.content is not None:
                yield (message.content,)
        elif isinstance(self.public, ec.EllipticCurvePublicKey):
            for algorithm in dict.fromkeys((_CURVES[self.public.curve.name], "sha256")):
                digest = message.digest(algorithm)
                if digest is not None:
                    yield digest, ec.ECDSA(utils.Prehashed(_hash(algorithm)))
        elif isinstance(self.public, rsa.RSAPublicKey):
            for algorithm in ("sha256", "sha384", "sha512"):
                digest = message.digest(algorithm)
                if digest is None:
                    continue
                prehashed = utils.Prehashed(_hash(algorithm))
                yield digest, padding.PKCS1v15(), prehashed
                yield digest, padding.PSS(padding.MGF1(_hash(algorithm)), padding.PSS.AUTO), prehashed


def read(data: bytes, name: str) -> Key:
    """A public key of PEM (SubjectPublicKeyInfo, PKCS #1, certificate), DER or a JSON Web Key (RFC 7517).

    Raises:
        TrustError: it is none of these, or a key that is not used for signatures here.
    """
    from cryptography.exceptions import UnsupportedAlgorithm

    if len(data) > _BYTES:
        raise TrustError(f"the key {name!r} has {len(data)} bytes, more than any key")
    if b"PRIVATE KEY-----" in data:
        raise TrustError(f"{name!r} is a private key where a public one belongs", "give the public half of the pair")
    try:
        return of(_load(data), name)
    except (ValueError, TypeError, KeyError, AttributeError, UnsupportedAlgorithm, RecursionError):
        raise TrustError(f"{name!r} is not a public key: PEM, DER or JWK of ECDSA, RSA or Ed25519") from None


def of(public: Any, name: str) -> Key:  # noqa: ANN401 - cryptography's key types have no common one that verifies
    """The key of a parsed public key.

    Raises:
        ValueError: a kind, curve or size that is not accepted.
    """
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    if isinstance(public, ec.EllipticCurvePublicKey):
        if public.curve.name not in _CURVES:
            raise ValueError(f"curve {public.curve.name}")
    elif isinstance(public, rsa.RSAPublicKey):
        if public.key_size not in _RSA_BITS:
            raise ValueError(f"RSA of {public.key_size} bits")
    elif not isinstance(public, ed25519.Ed25519PublicKey):
        raise ValueError("not a key for signatures")  # noqa: TRY004 - callers catch what loaders raise
    spki = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return Key(name=name, fingerprint=fingerprint(spki), spki=spki, public=public)


def fingerprint(spki: bytes) -> str:
    """`sha256:` and the hexadecimal digest of a SubjectPublicKeyInfo."""
    return "sha256:" + hashlib.sha256(spki).hexdigest()


def _load(data: bytes) -> Any:  # noqa: ANN401
    from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_public_key

    if data.lstrip()[:1] == b"{":
        return _jwk(json.loads(data))
    if b"-----BEGIN CERTIFICATE-----" in data:
        return _certified(data, "load_pem_x509_certificate")
    if b"-----BEGIN" in data:
        return load_pem_public_key(data)
    try:
        return load_der_public_key(data)
    except ValueError:
        return _certified(data, "load_der_x509_certificate")


def _certified(data: bytes, load: str) -> Any:  # noqa: ANN401
    """The key of a certificate. Imported here, since this takes longer than a bare key to be read and to verify."""
    from cryptography import x509

    try:
        return getattr(x509, load)(data).public_key()
    except x509.InvalidVersion:
        raise ValueError("a certificate of no known version") from None


def _jwk(value: dict[str, Any]) -> Any:  # noqa: ANN401
    """RFC 7518 section 6 and RFC 8037 section 2. Private members are refused: such a file should not lie around."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if "d" in value or "k" in value:
        raise ValueError("a private key")
    if value["kty"] == "EC":
        curve = getattr(ec, _JWK_CURVES[value["crv"]])()
        return ec.EllipticCurvePublicNumbers(_integer(value["x"]), _integer(value["y"]), curve).public_key()
    if value["kty"] == "RSA":
        return rsa.RSAPublicNumbers(_integer(value["e"]), _integer(value["n"])).public_key()
    if value["kty"] == "OKP" and value["crv"] == "Ed25519":
        return ed25519.Ed25519PublicKey.from_public_bytes(_octets(value["x"]))
    raise ValueError("a key of another kind")


def _octets(value: str) -> bytes:
    import base64

    return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))


def _integer(value: str) -> int:
    return int.from_bytes(_octets(value), "big")


@lru_cache(maxsize=8)
def _hash(algorithm: str) -> hashes.HashAlgorithm:
    from cryptography.hazmat.primitives import hashes

    made: hashes.HashAlgorithm = getattr(hashes, algorithm.upper())()
    return made
