"""A Sigstore instance of our own: both generations of its log, its time-stamping authority, and all kinds of bundles."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.unit.trust.stamps import Stamper
from tests.unit.trust.workshop import BUNDLE, START, Workshop, der, public_pem
from thwart.lib import merkle, signed_note
from thwart.trust.envelopes import IN_TOTO, pae

ARTIFACT = b"what is signed\n"
ORIGIN = "log2026.example.test"
IDENTITY, ISSUER = "dev@example.test", "https://id.example.test"
LATER = START + timedelta(minutes=1)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def statement(**other: Any) -> bytes:
    stated = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "a.txt", "digest": {"sha256": digest(ARTIFACT)}}],
        "predicateType": "https://example.test/p/v1",
        "predicate": {"x": 1},
        **other,
    }
    return json.dumps({key: value for key, value in stated.items() if value is not None}).encode()


class Instance(Workshop):
    """`tiles_key` is that of a log of the second generation (Rekor v2), `stamper` the time-stamping authority."""

    def __init__(self) -> None:
        super().__init__()
        self.tiles_key = ed25519.Ed25519PrivateKey.generate()
        self.stamper = Stamper()

    @property
    def tiles_id(self) -> bytes:
        raw = self.tiles_key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return hashlib.sha256(ORIGIN.encode() + b"\n\1" + raw).digest()

    def message(self, version: int = 1, **more: Any) -> dict[str, Any]:
        """A bundle of a signature over `ARTIFACT`; `key` signs without a certificate."""
        leaf, key = self._signer(more)
        signature = self.sign(key, ARTIFACT)
        body = self.hashed(version, signature, ARTIFACT, leaf or key)
        content = {
            "messageDigest": {"algorithm": "SHA2_256", "digest": self.base64(hashlib.sha256(ARTIFACT).digest())},
            "signature": self.base64(signature),
        }
        kind = ("hashedrekord", f"0.0.{version}")
        return self._bundle(leaf, signature, version, kind, body, more) | {"messageSignature": content}

    def enveloped(
        self, version: int = 1, kind: tuple[str, str] = ("dsse", "0.0.1"), payload: bytes = statement(), **more: Any
    ) -> dict[str, Any]:
        """A bundle of an envelope; `kind` is that of its log entry."""
        leaf, key = self._signer(more)
        payload_type = more.pop("payload_type", IN_TOTO)
        signature = self.sign(key, pae(payload_type, payload))
        if kind[0] == "hashedrekord":
            body = self.hashed(version, signature, pae(payload_type, payload), leaf or key)
        else:
            spec = (self._dsse if kind[0] == "dsse" else self._intoto)(payload, signature, leaf or key)
            body = canonical({"apiVersion": kind[1], "kind": kind[0], "spec": spec})
        content = {
            "payload": self.base64(payload),
            "payloadType": payload_type,
            "signatures": [{"sig": self.base64(signature)}],
        }
        return self._bundle(leaf, signature, version, kind, body, more) | {"dsseEnvelope": content}

    def hashed(self, version: int, signature: bytes, data: bytes, by: Any) -> bytes:
        """The body of a hashedrekord entry, by a certificate or the key itself."""
        if version == 1:
            return canonical(json.loads(self.hashedrekord(signature, self._pem(by), data)))
        if isinstance(by, x509.Certificate):
            verifier: dict[str, Any] = {"x509Certificate": {"rawBytes": self.base64(by.public_bytes(Encoding.DER))}}
        else:
            verifier = {"publicKey": {"rawBytes": self.base64(der(by.public_key()))}}
        inner = {
            "data": {"algorithm": "SHA2_256", "digest": self.base64(hashlib.sha256(data).digest())},
            "signature": {
                "content": self.base64(signature),
                "verifier": {**verifier, "keyDetails": "PKIX_ECDSA_P256_SHA_256"},
            },
        }
        return canonical({"apiVersion": "0.0.2", "kind": "hashedrekord", "spec": {"hashedRekordV002": inner}})

    def tiled(self, body: bytes, kind: tuple[str, str]) -> dict[str, Any]:
        """An entry of the log's second generation, in a tree of two."""
        other = merkle.leaf_hash(b"other")
        root = merkle.node_hash(other, merkle.leaf_hash(body))
        return {
            "logIndex": "1",
            "logId": {"keyId": self.base64(self.tiles_id)},
            "kindVersion": {"kind": kind[0], "version": kind[1]},
            "inclusionProof": {
                "logIndex": "1",
                "treeSize": "2",
                "rootHash": self.base64(root),
                "hashes": [self.base64(other)],
                "checkpoint": {"envelope": self.checkpoint(f"{ORIGIN}\n2\n{self.base64(root)}\n")},
            },
            "canonicalizedBody": self.base64(body),
        }

    def checkpoint(self, text: str, *more: str) -> str:
        """A checkpoint with the log's signature, after these other lines."""
        own = signed_note.line(ORIGIN, self.tiles_id, self.tiles_key.sign(text.encode()))
        return text + "\n" + "".join(more) + own

    def stamped(self, signature: bytes, at: datetime = LATER, **more: Any) -> dict[str, Any]:
        token = more.pop("stamper", self.stamper).token(signature, at, **more)
        return {"rfc3161Timestamps": [{"signedTimestamp": self.base64(token)}]}

    def root_file(self) -> dict[str, Any]:
        """The trusted root of it all."""
        valid = {"start": "2020-01-01T00:00:00Z"}
        root: dict[str, Any] = json.loads(self.trusted_root())
        certificates = [
            {"rawBytes": self.base64(one.public_bytes(Encoding.DER))} for one in (self.stamper.leaf, self.stamper.root)
        ]
        details = {"hashAlgorithm": "SHA2_256"}
        root["tlogs"][0] |= details
        root["tlogs"][0]["publicKey"]["keyDetails"] = "PKIX_ECDSA_P256_SHA_256"
        root["tlogs"].append(
            {
                **details,
                "baseUrl": f"https://{ORIGIN}",
                "publicKey": {
                    "rawBytes": self.base64(der(self.tiles_key.public_key())),
                    "keyDetails": "PKIX_ED25519",
                    "validFor": valid,
                },
                "logId": {"keyId": self.base64(self.tiles_id)},
            }
        )
        ct_id = hashlib.sha256(der(self.ct_key.public_key())).digest()
        root["ctlogs"] = [
            {
                **details,
                "baseUrl": "https://ct.example.test",
                "publicKey": {
                    "rawBytes": self.base64(der(self.ct_key.public_key())),
                    "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                    "validFor": valid,
                },
                "logId": {"keyId": self.base64(ct_id)},
            }
        ]
        owner = {"subject": {"organization": "example", "commonName": "own"}, "uri": "https://own.example.test"}
        root["certificateAuthorities"][0] |= owner
        root["timestampAuthorities"] = [{**owner, "certChain": {"certificates": certificates}, "validFor": valid}]
        return root

    def _signer(self, more: dict[str, Any]) -> tuple[x509.Certificate | None, Any]:
        key = more.pop("key", None)
        certified = more.pop("certified", None)
        if key is not None:
            return None, key
        return certified or self.leaf(promised=True, **more.pop("leaf", {}))

    def _bundle(
        self,
        leaf: x509.Certificate | None,
        signature: bytes,
        version: int,
        kind: tuple[str, str],
        body: bytes,
        more: Mapping[str, Any],
    ) -> dict[str, Any]:
        material: dict[str, Any] = {
            "tlogEntries": [self.entry(body, LATER, *kind) if version == 1 else self.tiled(body, kind)]
        }
        if leaf is None:
            material["publicKey"] = {"hint": "x"}
        else:
            material["certificate"] = {"rawBytes": self.base64(leaf.public_bytes(Encoding.DER))}
        if more.get("stamped", version == 2):
            material["timestampVerificationData"] = self.stamped(signature)
        return {"mediaType": BUNDLE, "verificationMaterial": material}

    def _pem(self, by: Any) -> bytes:
        return self.pem(by) if isinstance(by, x509.Certificate) else public_pem(by)

    def _dsse(self, payload: bytes, signature: bytes, by: Any) -> dict[str, Any]:
        return {
            "envelopeHash": {"algorithm": "sha256", "value": digest(b"the envelope")},
            "payloadHash": {"algorithm": "sha256", "value": digest(payload)},
            "signatures": [{"signature": self.base64(signature), "verifier": self.base64(self._pem(by))}],
        }

    def _intoto(self, payload: bytes, signature: bytes, by: Any) -> dict[str, Any]:
        twice = self.base64(self.base64(signature).encode())
        return {
            "content": {
                "envelope": {
                    "payloadType": IN_TOTO,
                    "signatures": [{"publicKey": self.base64(self._pem(by)), "sig": twice}],
                },
                "hash": {"algorithm": "sha256", "value": digest(b"the envelope")},
                "payloadHash": {"algorithm": "sha256", "value": digest(payload)},
            }
        }


def canonical(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def p256() -> Any:
    return ec.generate_private_key(ec.SECP256R1())
