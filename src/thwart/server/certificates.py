"""Certificates of the webhook: made here where nobody gives any, and taken up anew without a restart."""

from __future__ import annotations

import fcntl
import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from thwart.core.errors import UsageError

if TYPE_CHECKING:
    from cryptography import x509

_CA_DAYS, _DAYS = 3650, 90
_RENEW = timedelta(days=30)
_LEEWAY = timedelta(minutes=5)  # clocks of other nodes


class ServeError(UsageError):
    """What the server needs cannot be used (exit 2)."""

    slug = "serve"


class Made(NamedTuple):
    """A serving certificate with its key, and the authority that the cluster must trust, all PEM."""

    certificate: bytes
    key: bytes
    authority: bytes
    authority_key: bytes


def make(names: tuple[str, ...], now: datetime, authority: tuple[bytes, bytes] | None = None) -> Made:
    """A certificate for these DNS names or addresses, valid for 90 days, under a given authority or a new one.

    Args:
        names: what the webhook is called.
        now: the moment of issue.
        authority: certificate and key of an authority, PEM; it is kept, so that what trusts it goes on to.

    Raises:
        ValueError: they are no certificate and key, or not of one authority, as while both are being replaced.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID

    if authority is None:
        authority = _authority(now)
    issuer = x509.load_pem_x509_certificate(authority[0])
    signer = serialization.load_pem_private_key(authority[1], None)
    if signer.public_key() != issuer.public_key():
        raise ValueError("the key is another one's")
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0][:64])]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _LEEWAY)
        .not_valid_after(min(now + timedelta(days=_DAYS), issuer.not_valid_after_utc))
        .add_extension(x509.SubjectAlternativeName([_name(one) for one in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)  # type: ignore[arg-type]
    )
    certificate = builder.sign(signer, hashes.SHA256())  # type: ignore[arg-type]  # an EC key, as _authority makes it
    return Made(certificate.public_bytes(serialization.Encoding.PEM), _pem(key), *authority)


def _authority(now: datetime) -> tuple[bytes, bytes]:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "thwart admission")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _LEEWAY)
        .not_valid_after(now + timedelta(days=_CA_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(_usage(), critical=True)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM), _pem(key)


def _usage() -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        key_cert_sign=True,
        crl_sign=True,
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(key: object) -> bytes:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _name(text: str) -> x509.GeneralName:
    from ipaddress import ip_address

    from cryptography import x509

    try:
        return x509.IPAddress(ip_address(text))
    except ValueError:
        return x509.DNSName(text)


class Folder:
    """`tls.crt` and `tls.key` in a folder, made and renewed here as long as an authority's key is at hand.

    `authority` is a folder with `ca.crt` and `ca.key` that several replicas share, so that one bundle vouches for all of
    them; without one it is made in `path`, where nobody has put a certificate yet.
    """

    def __init__(self, path: Path, names: tuple[str, ...], authority: Path | None = None) -> None:
        self.path = path
        self.authority = authority or path
        self._names = names
        self._seen = b""

    def ensure(self, now: datetime) -> bool:
        """Make what lacks, and renew what ends within 30 days; whether there was anything to do.

        Raises:
            ServeError: a file cannot be read or written, or is no certificate or key.
        """
        certificate = self.path / "tls.crt"
        try:
            given = certificate.exists() and not (self.authority / "ca.key").exists()
            if given or (certificate.exists() and self._lasts(certificate, now)):
                return False
            self.path.mkdir(parents=True, exist_ok=True)
            made = make(self._names, now, authority_in(self.authority, now))
            _write(self.path / "tls.key", made.key)
            _write(certificate, made.certificate)
        except OSError as error:
            raise ServeError(f"{error.filename or self.path}: {error.strerror}") from error
        except (ValueError, TypeError) as error:  # a TypeError where the key asks for a password
            raise ServeError(f"{self.authority} holds no certificate and key of an authority: {error}") from error
        return True

    def _lasts(self, certificate: Path, now: datetime) -> bool:
        """Whether it goes on to be good: with its key, far from its end, for these names, and under the authority."""
        from cryptography import x509
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        try:
            leaf = x509.load_pem_x509_certificate(certificate.read_bytes())
            issuer = x509.load_pem_x509_certificate((self.authority / "ca.crt").read_bytes())
            leaf.verify_directly_issued_by(issuer)
            key = load_pem_private_key((self.path / "tls.key").read_bytes(), None)
            stated = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound, FileNotFoundError):
            return False
        if key.public_key() != leaf.public_key():
            return False  # whoever wrote the pair was ended between its halves
        end = leaf.not_valid_after_utc
        longest = end == issuer.not_valid_after_utc  # another one would end with the authority too
        return (longest or end - now > _RENEW) and {*stated} == {_name(one) for one in self._names}

    def load(self, context: ssl.SSLContext) -> bool:
        """Give new connections the certificate on the disk; whether it is another than before.

        Raises:
            ServeError: it cannot be read, or certificate and key are no pair; the context is as it was.
        """
        pair = self.path / "tls.crt", self.path / "tls.key"
        try:
            data = b"".join(one.read_bytes() for one in pair)
            if data == self._seen:
                return False
            fresh = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            fresh.load_cert_chain(*pair)
        except (OSError, ValueError) as error:
            raise ServeError(f"the certificate in {self.path} cannot be used: {error}") from error

        def chosen(connection: ssl.SSLObject, _name: str, _context: ssl.SSLContext) -> None:
            connection.context = fresh

        # a context that is given files while they are replaced is left with half of a pair; this one never is
        context.sni_callback = chosen
        self._seen = data
        return True


def authority_in(folder: Path, now: datetime) -> tuple[bytes, bytes]:
    """The authority in a folder, `ca.crt` and `ca.key`; made where there is none.

    Raises:
        OSError: it cannot be read or written.
    """
    certificate, key = folder / "ca.crt", folder / "ca.key"
    if not key.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder):  # replicas that start together make one, not two halves
            if not key.exists():
                made = _authority(now)
                _write(certificate, made[0])
                _write(key, made[1])
    return certificate.read_bytes(), key.read_bytes()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Nobody else's until it is left. A folder that is locked leaves no file behind."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _write(path: Path, data: bytes) -> None:
    fresh = path.with_name(f".{path.name}.new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
    fresh.replace(path)
