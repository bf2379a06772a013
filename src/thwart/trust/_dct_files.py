"""One file of a Notary repository: what it says, who may have signed it, and whether they did.

Source: notary 0.7, `tuf/data` (structures), `tuf/signed/verify.go` and `verifiers.go` (signatures), and the canonical JSON
of `docker/go`. Where that reader is lax (a key given twice, fractions, base64 with stray bits, methods in capitals), this
one refuses: no signer writes such files, and two readers could understand them differently.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, NoReturn

from msgspec import Struct

from thwart.core.trust import Bounds, Piece
from thwart.trust import chain
from thwart.trust import keys as public_keys
from thwart.trust._case import RefusedError
from thwart.trust._values import document, instant, table, tables, text
from thwart.trust.keys import Key

if TYPE_CHECKING:
    from cryptography import x509

_TYPES = {"root": "Root", "timestamp": "Timestamp", "snapshot": "Snapshot"}
_X509 = {"ecdsa-x509": "ecdsa", "rsa-x509": "rsa"}
_METHODS = {"ecdsa": ("ecdsa",), "rsa": ("rsapss", "rsapkcs1v15"), "ed25519": ("eddsa",)}
_HEX = re.compile(r"[0-9a-f]{64}")
_EXACT = 1 << 53  # notary reads numbers as floats: beyond this they would no longer be what was signed
_KEYS = 256
_ESCAPE = re.compile(r'\\(?:(["\\])|u([0-9a-f]{4})|([bfnrt]))')
_CONTROLS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class SignerKey(Struct, frozen=True, kw_only=True):
    """A key of a role. `kind` is its bare type; `certificates` are those of a root key, its own first."""

    id: str
    kind: str
    key: Key
    certificates: tuple[x509.Certificate, ...] = ()


class Role(Struct, frozen=True, kw_only=True):
    """Who may sign a file, and how many of them must. `paths` are the prefixes of what a delegation may sign."""

    name: str
    keys: Mapping[str, SignerKey]
    threshold: int
    paths: tuple[str, ...] = ("",)

    @property
    def fingerprint(self) -> str:
        """A short name for the set of keys: it changes whenever one is rotated."""
        return hashlib.sha256(" ".join(sorted(self.keys)).encode()).hexdigest()[:16]


class File(Struct, frozen=True, kw_only=True):
    """A parsed file; nothing in it is believed before `signers` says so. `signed` are the bytes under the signatures."""

    piece: Piece
    role: str
    content: Mapping[str, Any]
    signed: bytes
    version: int
    expires: datetime
    signatures: tuple[tuple[str, str, bytes], ...]  # key id, method, signature

    def refuse(self, slug: str, sentence: str) -> NoReturn:
        """Refuse the repository for this file."""
        raise RefusedError(slug, f"{self.role}: {sentence}")

    def signers(self, role: Role) -> tuple[SignerKey, ...]:
        """The keys of the role that signed the file, each once however often it is listed (TUF 1.0.34 section 5.3.4)."""
        good: dict[str, SignerKey] = {}
        for key_id, method, signature in self.signatures:
            key = role.keys.get(key_id)
            if key is not None and key.key.fingerprint not in good and _verifies(key, method, signature, self.signed):
                good[key.key.fingerprint] = key
        if len(good) < role.threshold:
            self.refuse("signature", f"signed by {len(good)} of its keys, and {role.threshold} are required")
        return tuple(good.values())

    def fresh(self, now: datetime) -> None:
        """Refuse what has expired."""
        if self.expires <= now:
            self.refuse("expired", f"the file expired {self.expires:%Y-%m-%d %H:%M:%S}")


def read(piece: Piece, role: str, bounds: Bounds) -> File:
    """Parse a file as that of a role.

    Raises:
        RefusedError: it is malformed, ambiguous, or of another type.
    """
    value = _strict(piece.content, bounds, role)
    content = table(value, "signed")
    wanted = _TYPES.get(role, "Targets")
    if text(content, "_type") != wanted:
        raise RefusedError("malformed", f"{role}: of the type {text(content, '_type')[:40]!r}, not {wanted}")
    expires = instant(text(content, "expires"))
    if expires is None:
        raise RefusedError("malformed", f"{role}: it does not say when it expires")
    listed = tables(value, "signatures", _KEYS)  # after years of rotations there are many
    return File(
        piece=piece,
        role=role,
        content=content,
        signed=canonical(content),
        version=positive(content, "version", role),
        expires=expires,
        signatures=tuple((text(one, "keyid"), text(one, "method"), exact(text(one, "sig"), role)) for one in listed),
    )


def canonical(value: object) -> bytes:
    """Canonical JSON as notary signs it: sorted keys, no blanks, only quotes and backslashes escaped, whole numbers."""
    written = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    try:
        return _ESCAPE.sub(_unescaped, written).encode()
    except UnicodeEncodeError:
        raise RefusedError("malformed", "a string is not Unicode") from None


def role_of(listed: Mapping[str, Any], stated: Mapping[str, Any], name: str) -> Role:
    """A role as root.json or a delegation states it: `keyids`, `threshold`, perhaps `paths`."""
    ids = listed_texts(stated, "keyids")
    if len(ids) > _KEYS:
        raise RefusedError("too-many", f"{name}: it has {len(ids)} keys, more than the {_KEYS} that are read")
    found = {}
    for key_id in ids:
        if key_id not in listed:
            raise RefusedError("malformed", f"{name}: its key {key_id[:16]} is not in the file")
        found[key_id] = _key(key_id, table(listed, key_id))
    paths = listed_texts(stated, "paths") if name.startswith("targets/") else ("",)
    return Role(name=name, keys=found, threshold=positive(stated, "threshold", name), paths=paths)


def matches(content: bytes, stated: Mapping[str, Any]) -> bool:
    """Whether a file is the one that hashes and length speak of: SHA-256 always, SHA-512 where it is given."""
    hashes = table(stated, "hashes")
    if stated.get("length") != len(content) or not text(hashes, "sha256"):
        return False
    return all(
        exact(text(hashes, name), name) == hashlib.new(name, content).digest()
        for name in ("sha256", "sha512")
        if name in hashes
    )


def exact(value: str, what: str) -> bytes:
    """Base64 in the one way of writing it."""
    try:
        found = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        found = b""
    if not found or base64.b64encode(found).decode() != value:
        raise RefusedError("malformed", f"{what}: a value is not base64")
    return found


def positive(parent: Mapping[str, Any], key: str, what: str) -> int:
    """A number from 1 on."""
    value = parent.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise RefusedError("malformed", f"{what}: {key} is not a number from 1 on")
    return value


def listed_texts(parent: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """A list of strings, empty when it is missing."""
    value = parent.get(key) or []
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise RefusedError("malformed", f"{key} is not a list of strings")
    return tuple(value)


def _strict(data: bytes, bounds: Bounds, role: str) -> Mapping[str, Any]:
    """A JSON object without keys given twice, fractions or numbers that a reader might round."""
    document(data, bounds, role)  # the bounds first: after them nothing here can run away
    try:
        value: Mapping[str, Any] = json.loads(
            data.decode(), object_pairs_hook=_once, parse_float=_whole, parse_int=_integer, parse_constant=_whole
        )
    except ValueError as error:
        raise RefusedError("malformed", f"{role}: {error}") from None
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is given twice")
    return found


def _whole(written: str) -> NoReturn:
    raise ValueError(f"{written[:40]} is not a whole number")


def _integer(written: str) -> int:
    if len(written) > 17 or abs(int(written)) > _EXACT:
        raise ValueError("a number is too large to be exact")
    return int(written)


def _unescaped(match: re.Match[str]) -> str:
    """Canonical JSON leaves control characters as they are."""
    kept, code, letter = match.groups()
    return match[0] if kept else chr(int(code, 16)) if code else _CONTROLS[letter]


def _key(key_id: str, stated: Mapping[str, Any]) -> SignerKey:
    """A key whose id is the hash of what it says (`tuf/data/keys.go`)."""
    kind, value = text(stated, "keytype"), text(table(stated, "keyval"), "public")
    said = {"keytype": kind, "keyval": {"private": None, "public": value}}
    if not _HEX.fullmatch(key_id) or hashlib.sha256(canonical(said)).hexdigest() != key_id:
        raise RefusedError("key", f"the key {key_id[:16]} is not what its id promises")
    return SignerKey(id=key_id, **_material(kind, exact(value, "a key")))


def _material(kind: str, data: bytes) -> dict[str, Any]:
    """Kind, key and certificates by the stated type of a key, which the key itself has to be."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    bare = _X509.get(kind, kind)
    if bare not in _METHODS:
        raise RefusedError("key", f"a key is of the unknown type {kind[:40]!r}")
    certificates: tuple[x509.Certificate, ...] = ()
    try:
        if kind in _X509:
            certificates = tuple(chain.load_pem(data))
            key = public_keys.of(certificates[0].public_key(), "certificate")
        elif kind == "ed25519":
            key = public_keys.of(ed25519.Ed25519PublicKey.from_public_bytes(data), kind)
        else:
            key = public_keys.of(load_der_public_key(data), kind)
    except (ValueError, TypeError, IndexError, UnsupportedAlgorithm, RefusedError):
        raise RefusedError("key", f"a key of the type {kind} cannot be read") from None
    wanted = {"ecdsa": ec.EllipticCurvePublicKey, "rsa": rsa.RSAPublicKey, "ed25519": ed25519.Ed25519PublicKey}[bare]
    if not isinstance(key.public, wanted):
        raise RefusedError("key", f"a key is not of the type {kind} that it states")
    return {"kind": bare, "key": key, "certificates": certificates}


def _verifies(key: SignerKey, method: str, signature: bytes, signed: bytes) -> bool:
    """Whether the key signed the bytes. The key's own type says which methods there are, never the signature."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec, padding, utils
    from cryptography.hazmat.primitives.hashes import SHA256

    if method not in _METHODS[key.kind]:
        return False
    public = key.key.public
    try:
        if key.kind == "ed25519":
            public.verify(signature, signed)
        elif key.kind == "ecdsa":  # r and s, each as long as the curve's order; over SHA-256 whatever the curve
            half = (public.key_size + 7) // 8
            if len(signature) != 2 * half:
                return False
            r, s = (int.from_bytes(part, "big") for part in (signature[:half], signature[half:]))
            public.verify(utils.encode_dss_signature(r, s), signed, ec.ECDSA(SHA256()))
        elif method == "rsapss":
            public.verify(signature, signed, padding.PSS(padding.MGF1(SHA256()), SHA256.digest_size), SHA256())
        else:
            public.verify(signature, signed, padding.PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True
