"""Certificates that somebody replaces while they are read: half of a pair, half of an authority, two at a time."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from thwart.server import certificates
from thwart.server.certificates import Folder, Made, ServeError, authority_in, make

NOW = datetime.now(UTC)
NAMES = ("web.shop.svc",)


def put(folder: Path, made: Made) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "tls.crt").write_bytes(made.certificate)
    (folder / "tls.key").write_bytes(made.key)


def served(context: ssl.SSLContext, authority: bytes, name: str | None = "web.shop.svc") -> bytes | None:
    """The certificate that a client gets in a handshake in memory."""
    trusting = ssl.create_default_context(cadata=authority.decode())
    trusting.check_hostname = name is not None
    ours, theirs = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting.wrap_bio(ours, theirs, server_hostname=name)
    server = context.wrap_bio(theirs, ours, server_side=True)
    for _ in range(3):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return client.getpeercert(binary_form=True)


def der(certificate: bytes) -> bytes:
    return ssl.PEM_cert_to_DER_cert(certificate.decode())


@pytest.mark.parametrize("name", ["web.shop.svc", None])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_pair_that_is_replaced_while_it_is_read_leaves_a_whole_one_in_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str | None, version: ssl.TLSVersion
) -> None:
    authority = authority_in(tmp_path / "authority", NOW)
    first, second, third = (make(NAMES, NOW, authority) for _ in range(3))
    folder, context = Folder(tmp_path, NAMES), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = context.minimum_version = version
    put(tmp_path, first)
    assert folder.load(context)
    assert served(context, authority[0], name) == der(first.certificate)
    put(tmp_path, second)
    load = ssl.SSLContext.load_cert_chain

    def hurried(self: ssl.SSLContext, *files: Any) -> None:
        load(self, *files)
        (tmp_path / "tls.crt").write_bytes(third.certificate)

    with monkeypatch.context() as patch:
        patch.setattr(ssl.SSLContext, "load_cert_chain", hurried)
        assert folder.load(context)
    assert served(context, authority[0], name) == der(second.certificate)
    with pytest.raises(ServeError):
        folder.load(context)
    assert served(context, authority[0], name) == der(second.certificate)
    put(tmp_path, third)
    assert folder.load(context)
    assert served(context, authority[0], name) == der(third.certificate)


@pytest.mark.parametrize("half", ["another's", "garbage", "missing"])
def test_a_pair_that_was_written_by_half_is_made_anew_under_the_authority(tmp_path: Path, half: str) -> None:
    folder, key = Folder(tmp_path, NAMES), tmp_path / "tls.key"
    assert folder.ensure(NOW)
    if half == "missing":
        key.unlink()
    else:
        key.write_bytes(make(NAMES, NOW).key if half == "another's" else b"x")
    assert folder.ensure(NOW)
    assert folder.load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    assert not folder.ensure(NOW)


def test_under_an_authority_that_ends_soon_a_certificate_is_made_once(tmp_path: Path) -> None:
    folder, late = Folder(tmp_path, NAMES), NOW + timedelta(days=3640)
    authority_in(tmp_path, NOW)
    assert folder.ensure(late)
    leaf = x509.load_pem_x509_certificate((tmp_path / "tls.crt").read_bytes())
    assert leaf.not_valid_after_utc - late < timedelta(days=11)
    assert not folder.ensure(late)


def test_half_of_an_authority_signs_nothing(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "tls", NAMES, tmp_path / "authority")
    assert folder.ensure(NOW)
    before = (tmp_path / "tls" / "tls.crt").read_bytes()
    other = authority_in(tmp_path / "other", NOW)
    (tmp_path / "authority" / "ca.crt").write_bytes(other[0])
    with pytest.raises(ServeError, match="the key is another one's"):
        folder.ensure(NOW)
    assert (tmp_path / "tls" / "tls.crt").read_bytes() == before
    (tmp_path / "authority" / "ca.key").write_bytes(other[1])
    assert folder.ensure(NOW)
    assert not folder.ensure(NOW)


def test_an_authority_whose_key_asks_for_a_password_is_told(tmp_path: Path) -> None:
    _, key = authority_in(tmp_path, NOW)
    signer = load_pem_private_key(key, None)
    locked = signer.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    (tmp_path / "ca.key").write_bytes(locked)
    with pytest.raises(ServeError, match="assword"):
        Folder(tmp_path / "tls", NAMES, tmp_path).ensure(NOW)


def test_two_replicas_that_start_together_make_one_authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[tuple[bytes, bytes]] = []
    other = Thread(target=lambda: found.append(authority_in(tmp_path, NOW)))
    made = certificates._authority

    def slowly(now: datetime) -> tuple[bytes, bytes]:
        if not other.ident:
            other.start()
            other.join(0.3)  # it would be done by then, if it did not wait
        return made(now)

    monkeypatch.setattr(certificates, "_authority", slowly)
    found.append(authority_in(tmp_path, NOW))
    other.join()
    assert found[0] == found[1]
    assert make(NAMES, NOW, found[0]).authority == (tmp_path / "ca.crt").read_bytes()
