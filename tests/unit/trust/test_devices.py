"""Keys that never leave a service: what a service answers is not believed before it is checked."""

from __future__ import annotations

import hashlib
import importlib
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from thwart.api._signing_keys import open_key
from thwart.core.trust import TrustError
from thwart.trust.keys import Message

devices: Any = importlib.import_module("securesystemslib.signer")
MESSAGE = b"what is signed"
KEY = ec.generate_private_key(ec.SECP256R1())


def service(monkeypatch: pytest.MonkeyPatch, message: bytes = MESSAGE, scheme: str = "ecdsa-sha2-nistp256") -> None:
    """A service that has KEY and, whatever it is asked to sign, signs the message."""
    pem = KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    public = devices.SSlibKey("id", "ecdsa", scheme, {"public": pem.decode()})
    signature = SimpleNamespace(signature=KEY.sign(message, ec.ECDSA(hashes.SHA256())).hex())
    monkeypatch.setattr(devices.AWSSigner, "import_", lambda name: (f"awskms:{name}", public))
    monkeypatch.setattr(
        devices.Signer, "from_priv_key_uri", lambda *_: SimpleNamespace(sign=lambda _: signature), raising=True
    )


def asked(_: str) -> bytes:
    raise AssertionError("a service asks for no passphrase")


def test_what_a_service_signs_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    service(monkeypatch)
    signer = open_key("awskms:///alias/release", asked)
    assert signer.key.verifies(signer.sign(MESSAGE), Message(MESSAGE))


@pytest.mark.parametrize("other", [b"something else", hashlib.sha256(MESSAGE).digest()], ids=["other", "hashed-twice"])
def test_a_signature_that_is_not_right_is_not_passed_on(monkeypatch: pytest.MonkeyPatch, other: bytes) -> None:
    service(monkeypatch, other)
    signer = open_key("awskms:///alias/release", asked)
    with pytest.raises(TrustError, match="not one of its public key"):
        signer.sign(MESSAGE)


def test_a_scheme_that_cosign_does_not_read_is_refused_before_signing(monkeypatch: pytest.MonkeyPatch) -> None:
    service(monkeypatch, scheme="rsassa-pss-sha256")
    with pytest.raises(TrustError, match="which cosign does not verify"):
        open_key("awskms:///alias/release", asked)
