"""A time-stamping authority of our own (RFC 3161), whose clock and whose every mistake a test chooses."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.unit.trust.workshop import START, Workshop, name

_SHA256 = "2.16.840.1.101.3.4.2.1"
_ECDSA = "1.2.840.10045.4.3.2"
_TST_INFO = "1.2.840.113549.1.9.16.1.4"
_YEAR = timedelta(days=365)


def tlv(tag: int, *parts: bytes) -> bytes:
    """An element of DER."""
    body = b"".join(parts)
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    head = bytes([len(body)]) if len(body) < 128 else bytes([0x80 | len(length)]) + length
    return bytes([tag]) + head + body


def sequence(*parts: bytes) -> bytes:
    return tlv(0x30, *parts)


def integer(value: int) -> bytes:
    return tlv(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def oid(dotted: str) -> bytes:
    first, second, *rest = (int(one) for one in dotted.split("."))
    body = bytes([first * 40 + second])
    for arc in rest:
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(0x80 | (arc & 0x7F))
        body += bytes(reversed(groups))
    return tlv(6, body)


class Stamper:
    """An authority whose root signed the certificate that stamps; `usages` are that certificate's."""

    def __init__(
        self,
        common: str = "tsa",
        begins: datetime = START - _YEAR,
        ends: datetime = START + _YEAR,
        usages: tuple[x509.ObjectIdentifier, ...] = (ExtendedKeyUsageOID.TIME_STAMPING,),
        critical: bool = True,
    ) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        root_key = ec.generate_private_key(ec.SECP256R1())
        self.root = Workshop.authority(f"{common}-root", root_key, f"{common}-root", root_key, None)
        serial = x509.random_serial_number()
        self.leaf = (
            x509.CertificateBuilder(name(f"{common}-root"), name(common), self.key.public_key(), serial)
            .not_valid_before(begins)
            .not_valid_after(ends)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=critical)
            .sign(root_key, hashes.SHA256())
        )

    def token(self, signed: bytes, at: datetime, embedded: bool = True, bundled: bytes = b"") -> bytes:
        """A TimeStampResp over these bytes, with the stamping certificate or the ones that are given."""
        info = sequence(
            integer(1),
            oid("1.2.3.4"),
            sequence(sequence(oid(_SHA256), b"\5\0"), tlv(4, hashlib.sha256(signed).digest())),
            integer(42),
            tlv(0x18, at.astimezone(UTC).strftime("%Y%m%d%H%M%SZ").encode()),
        )
        content = sequence(
            integer(3),
            tlv(0x31, sequence(oid(_SHA256))),
            sequence(oid(_TST_INFO), tlv(0xA0, tlv(4, info))),
            tlv(0xA0, bundled or self.leaf.public_bytes(Encoding.DER)) if embedded else b"",
            tlv(0x31, self._signer(info)),
        )
        return sequence(sequence(integer(0)), sequence(oid("1.2.840.113549.1.7.2"), tlv(0xA0, content)))

    def _signer(self, info: bytes) -> bytes:
        certificate = hashlib.sha256(self.leaf.public_bytes(Encoding.DER)).digest()
        attributes = sorted(
            (
                sequence(oid("1.2.840.113549.1.9.3"), tlv(0x31, oid(_TST_INFO))),
                sequence(oid("1.2.840.113549.1.9.4"), tlv(0x31, tlv(4, hashlib.sha256(info).digest()))),
                sequence(
                    oid("1.2.840.113549.1.9.16.2.47"), tlv(0x31, sequence(sequence(sequence(tlv(4, certificate)))))
                ),
            )
        )
        return sequence(
            integer(1),
            sequence(self.leaf.issuer.public_bytes(), integer(self.leaf.serial_number)),
            sequence(oid(_SHA256)),
            tlv(0xA0, *attributes),
            sequence(oid(_ECDSA)),
            tlv(4, self.key.sign(tlv(0x31, *attributes), ec.ECDSA(hashes.SHA256()))),
        )
