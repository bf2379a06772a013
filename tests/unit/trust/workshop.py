"""A certificate authority, logs and a time-stamping authority of our own, for tests."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from thwart.lib import merkle, signed_note

DAY = timedelta(days=1)
START = datetime(2026, 1, 1, tzinfo=UTC)
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def der(public: Any) -> bytes:
    return bytes(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def public_pem(private: Any) -> bytes:
    return bytes(private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


class Workshop:
    """`root` signs `intermediate`, which signs leaves; `log` is a Rekor of one entry at a time."""

    def __init__(self) -> None:
        self.root_key = ec.generate_private_key(ec.SECP256R1())
        self.ca_key = ec.generate_private_key(ec.SECP256R1())
        self.log_key = ec.generate_private_key(ec.SECP256R1())
        self.ct_key = ec.generate_private_key(ec.SECP256R1())
        self.root = self.authority("root", self.root_key, "root", self.root_key, 2)
        self.intermediate = self.authority("intermediate", self.ca_key, "root", self.root_key, 0)

    @staticmethod
    def authority(
        subject: str, key: Any, issuer: str, signer: Any, length: int | None, **more: x509.ExtensionType
    ) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder(name(issuer), name(subject), key.public_key(), x509.random_serial_number())
            .not_valid_before(START - 365 * DAY)
            .not_valid_after(START + 3650 * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=length), critical=True)
        )
        for extension in more.values():
            builder = builder.add_extension(extension, critical=True)
        return builder.sign(signer, hashes.SHA256())

    def leaf(
        self,
        email: str = "dev@example.test",
        issuer: str = "https://id.example.test",
        begins: datetime = START,
        lives: timedelta = timedelta(minutes=10),
        usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.CODE_SIGNING,
        signer: Any = None,
        promised: bool = False,
    ) -> tuple[x509.Certificate, Any]:
        key = ec.generate_private_key(ec.SECP256R1())
        oid = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.1")
        builder = (
            x509.CertificateBuilder(name("intermediate"), x509.Name([]), key.public_key(), x509.random_serial_number())
            .not_valid_before(begins.replace(microsecond=0) - timedelta(minutes=1))
            .not_valid_after(begins.replace(microsecond=0) + lives)
            .add_extension(x509.SubjectAlternativeName([x509.RFC822Name(email)]), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(x509.UnrecognizedExtension(oid, issuer.encode()), critical=False)
        )
        signed = builder.sign(signer or self.ca_key, hashes.SHA256())
        if promised:
            stamps = self.stamp_list(signed.tbs_certificate_bytes, begins)
            oid = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
            builder = builder.add_extension(x509.UnrecognizedExtension(oid, stamps), critical=False)
            signed = builder.sign(signer or self.ca_key, hashes.SHA256())
        return signed, key

    def stamp_list(self, certificate: bytes, at: datetime) -> bytes:
        """The extension with one timestamp of the certificate log over this pre-certificate (RFC 6962 section 3.3)."""
        moment = int(at.timestamp() * 1000).to_bytes(8, "big")
        issuer = hashlib.sha256(der(self.ca_key.public_key())).digest()
        entry = b"\0\1" + issuer + len(certificate).to_bytes(3, "big") + certificate + b"\0\0"
        signature = self.sign(self.ct_key, b"\0\0" + moment + entry)
        log_id = hashlib.sha256(der(self.ct_key.public_key())).digest()
        stamp = b"\0" + log_id + moment + b"\0\0" + b"\4\3" + len(signature).to_bytes(2, "big") + signature
        listed = len(stamp).to_bytes(2, "big") + stamp
        tls = len(listed).to_bytes(2, "big") + listed
        return b"\x04" + (bytes([len(tls)]) if len(tls) < 128 else b"\x81" + bytes([len(tls)])) + tls

    @staticmethod
    def pem(*certificates: x509.Certificate) -> bytes:
        return b"".join(one.public_bytes(Encoding.PEM) for one in certificates)

    @staticmethod
    def sign(key: Any, data: bytes) -> bytes:
        return bytes(key.sign(data, ec.ECDSA(hashes.SHA256())))

    @staticmethod
    def base64(data: bytes) -> str:
        return base64.b64encode(data).decode()

    @property
    def log_id(self) -> bytes:
        return hashlib.sha256(der(self.log_key.public_key())).digest()

    def hashedrekord(self, signature: bytes, pem: bytes, data: bytes) -> bytes:
        spec = {
            "data": {"hash": {"algorithm": "sha256", "value": hashlib.sha256(data).hexdigest()}},
            "signature": {"content": self.base64(signature), "publicKey": {"content": self.base64(pem)}},
        }
        return json.dumps({"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": spec}).encode()

    def promise(self, body: bytes, at: datetime, index: int = 7) -> bytes:
        signed = {
            "body": self.base64(body),
            "integratedTime": int(at.timestamp()),
            "logID": self.log_id.hex(),
            "logIndex": index,
        }
        return self.sign(self.log_key, json.dumps(signed, sort_keys=True, separators=(",", ":")).encode())

    def cosign_entry(self, body: bytes, at: datetime) -> str:
        payload = {
            "body": self.base64(body),
            "integratedTime": int(at.timestamp()),
            "logIndex": 7,
            "logID": self.log_id.hex(),
        }
        return json.dumps({"SignedEntryTimestamp": self.base64(self.promise(body, at)), "Payload": payload})

    def entry(self, body: bytes, at: datetime, kind: str = "hashedrekord", version: str = "0.0.1") -> dict[str, Any]:
        """A log entry of a bundle, in a tree of two leaves."""
        other = merkle.leaf_hash(b"other")
        root = merkle.node_hash(other, merkle.leaf_hash(body))
        text = f"log.example.test - 4711\n2\n{self.base64(root)}\n"
        note = text + "\n" + signed_note.line("log.example.test", self.log_id, self.sign(self.log_key, text.encode()))
        return {
            "logIndex": "7",
            "logId": {"keyId": self.base64(self.log_id)},
            "kindVersion": {"kind": kind, "version": version},
            "integratedTime": str(int(at.timestamp())),
            "inclusionPromise": {"signedEntryTimestamp": self.base64(self.promise(body, at))},
            "inclusionProof": {
                "logIndex": "1",
                "treeSize": "2",
                "rootHash": self.base64(root),
                "hashes": [self.base64(other)],
                "checkpoint": {"envelope": note},
            },
            "canonicalizedBody": self.base64(body),
        }

    def bundle(self, data: bytes, at: datetime = START, **leaf: Any) -> dict[str, Any]:
        """A keyless bundle over a file, all of it right."""
        certificate, key = self.leaf(begins=leaf.pop("begins", at), **leaf)
        signature = self.sign(key, data)
        body = self.hashedrekord(signature, self.pem(certificate), data)
        return {
            "mediaType": BUNDLE,
            "verificationMaterial": {
                "certificate": {"rawBytes": self.base64(certificate.public_bytes(Encoding.DER))},
                "tlogEntries": [self.entry(body, at)],
            },
            "messageSignature": {
                "messageDigest": {"algorithm": "SHA2_256", "digest": self.base64(hashlib.sha256(data).digest())},
                "signature": self.base64(signature),
            },
        }

    def trusted_root(self, **window: str) -> bytes:
        valid = {"start": "2020-01-01T00:00:00Z", **window}
        certificates = [
            {"rawBytes": self.base64(one.public_bytes(Encoding.DER))} for one in (self.intermediate, self.root)
        ]
        log = {
            "baseUrl": "https://log.example.test",
            "publicKey": {"rawBytes": self.base64(der(self.log_key.public_key())), "validFor": valid},
            "logId": {"keyId": self.base64(self.log_id)},
        }
        root = {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [log],
            "certificateAuthorities": [
                {"certChain": {"certificates": certificates}, "validFor": {"start": "2020-01-01T00:00:00Z"}}
            ],
        }
        return json.dumps(root).encode()
