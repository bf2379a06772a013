"""Keys to sign with: made, opened from files, or left where they are (key management services, tokens)."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from thwart.core.errors import SourceError, UsageError
from thwart.core.trust import TrustError
from thwart.trust import keys, private_keys
from thwart.trust.keys import Message
from thwart.trust.signing import Signer, certified, signer_of

KINDS = ("ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "rsa-3072", "ed25519")
DEVICES = ("awskms:", "gcpkms:", "azurekms:", "hsm:")
_BYTES = 1 << 16
_COSIGN_READS = ("ecdsa-sha2-nistp256", "rsa-pkcs1v15-sha256")

Ask = Callable[[str], bytes]


def generate(prefix: Path, passphrase: bytes, kind: str = KINDS[0]) -> tuple[Path, Path]:
    """A new pair: `PREFIX.key`, encrypted as cosign does, and `PREFIX.pub` in PEM. Nothing is overwritten.

    Raises:
        UsageError: no such kind, or no passphrase; SourceError: a file is there already, or cannot be written.
    """
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    if not passphrase:
        raise UsageError("a key file without a passphrase would be as good as the key", "set THWART_KEY_PASSPHRASE")
    private = _new(kind)
    pkcs8 = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    sealed = private_keys.encrypt(pkcs8, passphrase, os.urandom(32), os.urandom(24))
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    files = prefix.with_name(prefix.name + ".key"), prefix.with_name(prefix.name + ".pub")
    for path in files:
        if path.exists():
            raise SourceError(f"{path} is there already, and is not overwritten", "choose another name")
    for path, content, mode in ((files[0], sealed, 0o600), (files[1], public, 0o644)):
        _write_new(path, content, mode)
    return files


def open_key(text: str, ask: Ask, certificate: bytes = b"", chain: bytes = b"") -> Signer:
    """The key in a file, or the one that an address such as `awskms://…` names.

    Args:
        text: a file in PEM (cosign's envelope, PKCS #8 or SEC 1, encrypted or not), or an address.
        ask: called with the key's name when it needs a passphrase.
        certificate: PEM, where the key has one. chain: those above it, PEM.

    Raises:
        TrustError: not a key, the wrong passphrase, a key that cannot be used, a certificate of another key.
    """
    if text.startswith(DEVICES):
        return certified(_device(text), certificate, chain)
    path = Path(text).expanduser()
    try:
        with path.open("rb") as file:
            data = file.read(_BYTES + 1)
    except OSError as error:
        raise TrustError(f"the key {text} cannot be read: {error.strerror}") from None
    if b"PRIVATE KEY-----" not in data:
        raise TrustError(f"{text} is not a private key", "signing needs the private half of the pair, in PEM")
    passphrase = ask(text) if b"ENCRYPTED" in data else b""
    return signer_of(private_keys.load(data, passphrase, text), text, certificate, chain)


def _new(kind: str) -> Any:  # noqa: ANN401 - cryptography's private key types
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if kind not in KINDS:
        raise UsageError(f"there is no kind of key {kind!r}", f"choose one of {', '.join(KINDS)}")
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if kind == "rsa-3072":
        return rsa.generate_private_key(65537, 3072)
    curves: dict[str, ec.EllipticCurve] = {"256": ec.SECP256R1(), "384": ec.SECP384R1(), "521": ec.SECP521R1()}
    return ec.generate_private_key(curves[kind[-3:]])


def _write_new(path: Path, content: bytes, mode: int) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
    except OSError as error:
        raise SourceError(f"{path} cannot be written: {error.strerror}") from None


def _device(address: str) -> Signer:
    """A key that never leaves its service or token, through securesystemslib."""
    import importlib

    try:
        devices = importlib.import_module("securesystemslib.signer")
        unsupported = importlib.import_module("securesystemslib.exceptions").UnsupportedLibraryError
    except ImportError:
        raise _extra(address) from None
    try:
        uri, public = _imported(address, devices)
        device = devices.Signer.from_priv_key_uri(uri, public, _pin)
        key = keys.read(str(public.keyval["public"]).encode(), address)
    except (ImportError, unsupported):
        raise _extra(address) from None
    except (TrustError, UsageError):
        raise
    except Exception as error:  # noqa: BLE001 - every service has exceptions of its own
        hint = "is it there, and are you allowed to use it?"
        raise TrustError(f"the key {address} cannot be used: {_said(error)}", hint) from None
    if public.scheme not in _COSIGN_READS:
        raise TrustError(
            f"the key {address} signs by {public.scheme}, which cosign does not verify", "use a key of ECDSA on P-256"
        )

    def sign(data: bytes) -> bytes:
        try:
            signature = bytes.fromhex(device.sign(data).signature)
        except UsageError:
            raise
        except Exception as error:  # noqa: BLE001
            raise TrustError(f"the key {address} did not sign: {_said(error)}") from None
        if not key.verifies(signature, Message(data)):
            raise TrustError(f"the signature that {address} gave is not one of its public key", "nothing was written")
        return signature

    return Signer(key=key, sign=sign)


def _imported(address: str, devices: Any) -> tuple[str, Any]:  # noqa: ANN401 - a library that may be missing
    """securesystemslib's own address of a key, and its public half."""
    from urllib.parse import parse_qsl

    scheme, _, rest = address.partition(":")
    name = rest.removeprefix("//").lstrip("/")
    found: tuple[str, Any]
    if scheme == "awskms":
        found = devices.AWSSigner.import_(name)
    elif scheme == "gcpkms":
        found = devices.GCPSigner.import_(name.replace("/versions/", "/cryptoKeyVersions/"))
    elif scheme == "azurekms":
        vault, _, key = name.partition("/")
        found = devices.AzureSigner.import_(vault.partition(".")[0], key.rpartition("/")[2])
    else:
        slot, _, query = rest.partition("?")
        if slot and not slot.isdecimal():
            raise UsageError(f"{address} is no address of a token's key", "write hsm:NUMBER?label=TOKEN")
        label = dict(parse_qsl(query)).get("label")
        found = devices.HSMSigner.import_(int(slot) if slot else None, label, _pin)
    return found


def _pin(name: str) -> str:
    pin = os.environ.get("COSIGN_PKCS11_PIN", "")
    if not pin:
        raise UsageError(f"the token asks for its {name}", "set COSIGN_PKCS11_PIN")
    return pin


def _extra(address: str) -> UsageError:
    kind = address.partition(":")[0]
    return UsageError(f"keys of the kind {kind}: need a library that is not installed", "pip install 'thwart[keys]'")


def _said(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text[:200]
