"""Paths of certificates, and keys in cosign's envelope."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.unit.trust.workshop import DAY, START, Workshop
from thwart.core.trust import TrustError
from thwart.trust import chain, private_keys
from thwart.trust._case import RefusedError

SHOP = Workshop()


def build(leaf: x509.Certificate, *others: x509.Certificate, root: x509.Certificate = SHOP.root) -> int:
    return len(chain.build(leaf, others, [root], START, chain.CODE_SIGNING))


def issuer(*, length: int | None = 0, **more: x509.ExtensionType) -> x509.Certificate:
    return SHOP.authority("intermediate", SHOP.ca_key, "root", SHOP.root_key, length, **more)


def test_a_path_through_an_intermediate() -> None:
    leaf, _ = SHOP.leaf()
    assert build(leaf, SHOP.intermediate) == 3
    assert build(leaf, root=SHOP.intermediate) == 2  # an intermediate may be all that is trusted
    with pytest.raises(RefusedError, match="no trusted authority"):
        build(leaf)
    with pytest.raises(RefusedError, match="no trusted authority"):
        build(leaf, SHOP.intermediate, root=Workshop().root)


def test_among_issuers_of_one_name_the_right_one_is_found() -> None:
    leaf, _ = SHOP.leaf()
    assert build(leaf, Workshop().intermediate, SHOP.intermediate) == 3


@pytest.mark.parametrize(
    ("parent", "complaint"),
    [
        (issuer(names=x509.NameConstraints([x509.RFC822Name("other.test")], None)), "may not vouch"),
        (issuer(names=x509.NameConstraints(None, [x509.RFC822Name("example.test")])), "may not vouch"),
        (issuer(use=x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])), "not for the extended key usage"),
        (issuer(use=x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3"), b"\5\0")), "critical extension"),
        (
            issuer(use=x509.KeyUsage(True, False, False, False, False, False, False, False, False)),
            "not for signing certificates",
        ),
    ],
)
def test_what_an_authority_may_not_do(parent: x509.Certificate, complaint: str) -> None:
    leaf, _ = SHOP.leaf()
    with pytest.raises(RefusedError, match=complaint):
        build(leaf, parent)


def test_permitted_names_pass() -> None:
    leaf, _ = SHOP.leaf()
    assert build(leaf, issuer(names=x509.NameConstraints([x509.RFC822Name("example.test")], None))) == 3


def test_a_path_that_is_longer_than_allowed() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    top = SHOP.authority("top", key, "root", SHOP.root_key, 0)
    below = SHOP.authority("intermediate", SHOP.ca_key, "top", key, None)
    leaf, _ = SHOP.leaf()
    with pytest.raises(RefusedError, match="longer than"):
        build(leaf, below, top)
    assert build(leaf, below, SHOP.authority("top", key, "root", SHOP.root_key, 1)) == 4


def test_an_authority_signs_certificates_only() -> None:
    with pytest.raises(RefusedError, match="that of an authority"):
        build(SHOP.intermediate)


def test_every_certificate_of_the_path_is_valid_at_the_time() -> None:
    leaf, _ = SHOP.leaf(begins=START, lives=timedelta(days=9000))
    with pytest.raises(RefusedError, match="expired"):
        chain.build(leaf, [SHOP.intermediate], [SHOP.root], START + 4000 * DAY, chain.CODE_SIGNING)


def test_many_issuers_of_one_name_are_bounded() -> None:
    leaf, _ = SHOP.leaf()
    twins = [Workshop.authority("intermediate", SHOP.log_key, "root", SHOP.log_key, None) for _ in range(80)]
    with pytest.raises(RefusedError, match=r"no trusted|too many"):
        chain.build(leaf, [], twins, START, chain.CODE_SIGNING)


# -- encrypted keys -----------------------------------------------------------------------------------------------------

PKCS8 = SHOP.root_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
SEALED = private_keys.encrypt(PKCS8, b"secret", b"s" * 32, b"n" * 24)


def rewritten(**params: object) -> bytes:
    lines = SEALED.decode().split("\n")
    envelope = json.loads(base64.b64decode("".join(lines[1:-2])))
    envelope["kdf"]["params"] = params
    return f"{lines[0]}\n{base64.b64encode(json.dumps(envelope).encode()).decode()}\n{lines[-2]}\n".encode()


def test_an_encrypted_key_opens_with_its_passphrase_alone() -> None:
    key = private_keys.load(SEALED, b"secret", "k")
    assert key.private_numbers() == SHOP.root_key.private_numbers()
    assert private_keys.load(SEALED.replace(b"SIGSTORE", b"COSIGN"), b"secret", "k").key_size == 256
    with pytest.raises(TrustError, match="does not open"):
        private_keys.load(SEALED, b"wrong", "k")


@pytest.mark.parametrize(
    "params", [{"N": 1 << 30, "r": 8, "p": 1}, {"N": 65536, "r": 8, "p": 1 << 20}, {"N": 3, "r": 8, "p": 1}, {}]
)
def test_parameters_that_eat_the_machine_are_refused(params: dict[str, int]) -> None:
    with pytest.raises(TrustError, match="not sound"):
        private_keys.load(rewritten(**params), b"secret", "k")


def test_a_negative_serial_number_warns_nobody() -> None:
    """cryptography warns while it reads such a certificate, on the error stream of whoever verifies."""
    raw = bytearray(SHOP.leaf()[0].public_bytes(Encoding.DER))
    raw[raw.index(b"\xa0\x03\x02\x01\x02\x02") + 7] |= 0x80
    assert chain.issued_as(chain.load_der(bytes(raw)))[1] < 0
