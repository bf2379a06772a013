"""Private keys in files: PKCS #8, plain or as cosign encrypts it. The shells sign with them; here they are only opened."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from thwart.core.trust import BOUNDS, TrustError
from thwart.trust._case import RefusedError
from thwart.trust._values import document, from_base64, number, table, text

PEM_TYPES = ("ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY")
_MEMORY = 256 << 20  # 128 N r of scrypt (RFC 7914 section 2); cosign's own are 64 MiB
_BYTES = 1 << 16
_WAY = "scrypt nacl/secretbox"
KDF = {"N": 65536, "r": 8, "p": 1}  # what cosign writes today; 32768 was before


def load(data: bytes, passphrase: bytes, name: str) -> Any:  # noqa: ANN401 - cryptography's private key types
    """A private key for signing, of PEM: PKCS #8, SEC 1, PKCS #1 or cosign's own envelope.

    Raises:
        TrustError: malformed, the wrong passphrase, or parameters beyond the bounds.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key

    if len(data) > _BYTES:
        raise TrustError(f"the key {name!r} has {len(data)} bytes, more than any key")
    try:
        if any(f"-----BEGIN {kind}-----".encode() in data for kind in PEM_TYPES):
            return load_der_private_key(_decrypt(data, passphrase, name), None)
        encrypted = b"ENCRYPTED" in data
        return load_pem_private_key(data, passphrase if encrypted else None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise TrustError(f"{name!r} is not a private key that this passphrase opens") from None


def encrypt(pkcs8: bytes, passphrase: bytes, salt: bytes, nonce: bytes) -> bytes:
    """Cosign's envelope around a key in PKCS #8 DER; `salt` is 32 random bytes, `nonce` 24."""
    import base64

    from nacl.secret import SecretBox

    box = SecretBox(_scrypt(passphrase, salt, KDF["N"], KDF["r"], KDF["p"], _WAY))
    sealed = box.encrypt(pkcs8, nonce).ciphertext
    envelope = {
        "kdf": {"name": "scrypt", "params": KDF, "salt": base64.b64encode(salt).decode()},
        "cipher": {"name": "nacl/secretbox", "nonce": base64.b64encode(nonce).decode()},
        "ciphertext": base64.b64encode(sealed).decode(),
    }
    encoded = base64.b64encode(json.dumps(envelope, separators=(",", ":")).encode()).decode()
    lines = "\n".join(encoded[at : at + 64] for at in range(0, len(encoded), 64))
    return f"-----BEGIN {PEM_TYPES[0]}-----\n{lines}\n-----END {PEM_TYPES[0]}-----\n".encode()


def _decrypt(data: bytes, passphrase: bytes, name: str) -> bytes:
    from nacl.exceptions import CryptoError
    from nacl.secret import SecretBox

    try:
        body = data.decode("ascii", "replace").partition("-----BEGIN ")[2].partition("-----\n")[2]
        envelope = document(from_base64(body.partition("-----END")[0], "the key"), BOUNDS, "the key")
        kdf, cipher = table(envelope, "kdf"), table(envelope, "cipher")
        params = table(kdf, "params")
        cost, block, lanes = (number(params, part) or 0 for part in ("N", "r", "p"))
        salt = from_base64(text(kdf, "salt"), "salt")
        secret = _scrypt(passphrase, salt, cost, block, lanes, f"{text(kdf, 'name')} {text(cipher, 'name')}")
        nonce = from_base64(text(cipher, "nonce"), "nonce")
        return SecretBox(secret).decrypt(from_base64(text(envelope, "ciphertext"), "ciphertext"), nonce)
    except RefusedError as refused:
        raise TrustError(f"{name!r}: {refused.sentence}") from None
    except CryptoError:
        raise TrustError(f"the passphrase does not open {name!r}") from None


def _scrypt(passphrase: bytes, salt: bytes, cost: int, block: int, lanes: int, way: str) -> bytes:
    if way != _WAY:
        raise RefusedError("algorithm", f"the key is encrypted with {way[:60]!r}, not with scrypt and secretbox")
    if cost < 2 or cost & (cost - 1) or not 1 <= lanes <= 4 or block < 1 or 128 * cost * block > _MEMORY or not salt:
        raise RefusedError("bounds", "the key asks for parameters of scrypt that are not sound")
    return hashlib.scrypt(passphrase, salt=salt, n=cost, r=block, p=lanes, dklen=32, maxmem=_MEMORY + (1 << 20))
