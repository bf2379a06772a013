"""Certificates, envelopes and policies of the Notary Project's kind, for tests."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from thwart.core.trust import Artifact, Evidence, Judgement, Piece, Roots
from thwart.trust import _notation_keys, notation_policy, notation_sign
from thwart.trust._notation_envelope import PAYLOAD, PREFIX

DATA = Path(__file__).parents[2] / "data" / "trust" / "notation"
NOW = datetime(2026, 12, 1, tzinfo=UTC)
DAY = timedelta(days=1)
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DIGEST = "sha256:73c803930ea3ba1e54bc25c2bdc53edd0284c62ed651fe7b00369da519a3c333"
ARTIFACT = Artifact(digests=(DIGEST,), repository="registry.example/team/app", media_type=MANIFEST, size=16724)
TARGET = {"mediaType": MANIFEST, "digest": DIGEST, "size": 16724}
SCHEME, SIGNED, EXPIRY = PREFIX + "signingScheme", PREFIX + "signingTime", PREFIX + "expiry"
PROTECTED: dict[str, Any] = {
    "alg": "ES256",
    "cty": PAYLOAD,
    "crit": [SCHEME],
    SCHEME: "notary.x509",
    SIGNED: "2026-06-01T12:00:00Z",
}
COSE_PROTECTED: dict[Any, Any] = {
    1: -7,
    2: [SCHEME],
    3: PAYLOAD,
    SCHEME: "notary.x509",
    SIGNED: cbor2.CBORTag(1, 1780315200),
}


def data(name: str) -> bytes:
    return (DATA / name).read_bytes()


def name(common: str, **more: str) -> x509.Name:
    parts = {"C": "US", "ST": "WA", "O": "Acme", **more}
    kinds = {"C": NameOID.COUNTRY_NAME, "ST": NameOID.STATE_OR_PROVINCE_NAME, "O": NameOID.ORGANIZATION_NAME}
    kinds["OU"] = NameOID.ORGANIZATIONAL_UNIT_NAME
    listed = [x509.NameAttribute(kinds[kind], value) for kind, value in parts.items() if value]
    return x509.Name([*listed, x509.NameAttribute(NameOID.COMMON_NAME, common)])


def usage(*set_: str) -> x509.KeyUsage:
    every = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    flags = (*every, "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
    return x509.KeyUsage(**{flag: flag in set_ for flag in flags})


class Signer:
    """A root, a leaf under it, and the leaf's signatures. `usages`, `purposes` and the rest bend the leaf."""

    def __init__(
        self,
        *,
        usages: tuple[str, ...] = ("digital_signature",),
        purposes: tuple[Any, ...] | None = (ExtendedKeyUsageOID.CODE_SIGNING,),
        ca: bool | None = None,
        begins: datetime = datetime(2026, 1, 1, tzinfo=UTC),
        ends: datetime = datetime(2126, 1, 1, tzinfo=UTC),
        curve: ec.EllipticCurve | None = None,
        points: bool = False,
        subject: x509.Name | None = None,
    ) -> None:
        self.root_key = ec.generate_private_key(ec.SECP256R1())
        self.key = ec.generate_private_key(curve or ec.SECP256R1())
        start, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2126, 1, 1, tzinfo=UTC)
        root = self._builder("root", self.root_key, start, end)
        root = root.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        self.root = root.add_extension(usage("key_cert_sign", "crl_sign"), critical=True).sign(
            self.root_key, hashes.SHA256()
        )
        leaf = self._builder("leaf", self.key, begins, ends, subject)
        if usages:
            leaf = leaf.add_extension(usage(*usages), critical=True)
        if purposes is not None:
            leaf = leaf.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        if ca is not None:
            leaf = leaf.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        if points:
            uri = x509.UniformResourceIdentifier("http://crl.example.test/a")
            point = x509.DistributionPoint([uri], None, None, None)
            leaf = leaf.add_extension(x509.CRLDistributionPoints([point]), critical=False)
        self.leaf = leaf.sign(self.root_key, hashes.SHA256())

    @staticmethod
    def _builder(
        common: str, key: Any, begins: datetime, ends: datetime, subject: x509.Name | None = None
    ) -> x509.CertificateBuilder:
        serial = x509.random_serial_number()
        builder = x509.CertificateBuilder(name("root"), subject or name(common), key.public_key(), serial)
        return builder.not_valid_before(begins).not_valid_after(ends)

    @property
    def chain(self) -> list[bytes]:
        return [one.public_bytes(Encoding.DER) for one in (self.leaf, self.root)]

    @property
    def pem(self) -> bytes:
        return self.leaf.public_bytes(Encoding.PEM) + self.root.public_bytes(Encoding.PEM)

    @property
    def root_pem(self) -> bytes:
        return self.root.public_bytes(Encoding.PEM)

    def signature(self, data_: bytes) -> bytes:
        algorithm = _notation_keys.of(self.key.public_key())
        return _notation_keys.raw(algorithm, self.key.sign(data_, *_notation_keys.arguments(algorithm)))

    def jws(
        self, protected: Any = None, target: Any = None, header: Any = None, raw: bytes = b"", **outer: Any
    ) -> bytes:
        """A JWS of whatever is given, signed rightly. `raw` is the protected header as bytes."""
        head = url_safe(raw or json.dumps(PROTECTED if protected is None else protected).encode())
        body = url_safe(json.dumps({"targetArtifact": TARGET if target is None else target}).encode())
        made = {
            "payload": body,
            "protected": head,
            "header": {"x5c": [base64.b64encode(one).decode() for one in self.chain]} if header is None else header,
            "signature": url_safe(self.signature(f"{head}.{body}".encode())),
        }
        return json.dumps({**made, **outer}).encode()

    def cose(
        self, protected: Any = None, unprotected: Any = None, raw: bytes = b"", tag: bytes = b"\xd2", tail: bytes = b""
    ) -> bytes:
        head = raw or cbor2.dumps(COSE_PROTECTED if protected is None else protected)
        body = json.dumps({"targetArtifact": TARGET}).encode()
        signature = self.signature(cbor2.dumps(["Signature1", head, b"", body]))
        beside = {33: self.chain} if unprotected is None else unprotected
        return tag + cbor2.dumps([head, beside, body, signature]) + tail

    def request(self, **more: Any) -> notation_sign.Request:
        target = notation_sign.Descriptor(media_type=MANIFEST, digest=DIGEST, size=16724)
        facts: dict[str, Any] = {"target": target, "chain": self.pem, "at": NOW - DAY, "agent": "thwart-test", **more}
        return notation_sign.Request(**facts)

    def sign(self, data_: bytes, arguments: tuple[Any, ...]) -> bytes:
        return bytes(self.key.sign(data_, *arguments))

    def revoke(
        self,
        serial: int | None = None,
        *,
        next_update: datetime = NOW + DAY,
        by: Any = None,
        extensions: tuple[tuple[x509.ExtensionType, bool], ...] = (),
        entry: tuple[x509.ExtensionType, ...] = (),
        at: datetime = NOW - DAY,
    ) -> bytes:
        """A revocation list of the root, with the leaf on it unless `serial` names another."""
        builder = x509.CertificateRevocationListBuilder(self.root.subject, NOW - 2 * DAY, next_update)
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical=critical)
        revoked = x509.RevokedCertificateBuilder().revocation_date(at)
        revoked = revoked.serial_number(self.leaf.serial_number if serial is None else serial)
        for extension in entry:
            revoked = revoked.add_extension(extension, critical=False)
        listed = builder.add_revoked_certificate(revoked.build()).sign(by or self.root_key, hashes.SHA256())
        return listed.public_bytes(Encoding.DER)


def url_safe(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def statement(**more: Any) -> dict[str, Any]:
    plain = {
        "name": "images",
        "registryScopes": ["*"],
        "signatureVerification": {"level": "strict"},
        "trustStores": ["ca:acme", "signingAuthority:acme"],
        "trustedIdentities": ["*"],
    }
    return {key: value for key, value in {**plain, **more}.items() if value is not None}


def policy(*statements: dict[str, Any], **more: Any) -> notation_policy.Policy:
    document = {"version": "1.0", "trustPolicies": list(statements or [statement(**more)])}
    return notation_policy.read_policy(json.dumps(document).encode())


def judge(
    content: bytes,
    root: bytes,
    *,
    by: notation_policy.Policy | None = None,
    artifact: Artifact = ARTIFACT,
    now: datetime = NOW,
    stores: dict[str, bytes] | None = None,
    **roots: Any,
) -> Judgement:
    evidence = Evidence(pieces=(Piece(format="notation", where="here", content=content),))
    trusted = Roots(stores={"ca:acme": root, "signingAuthority:acme": root, **(stores or {})}, **roots)
    return notation_policy.judge(artifact, evidence, by or policy(), trusted, now)


def slugs(judgement: Judgement) -> list[str]:
    return [one.slug for one in judgement.refused]
