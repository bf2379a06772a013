"""Making signatures of the Notary Project: envelopes that are verified, and manifests that registries list."""

from __future__ import annotations

import hashlib
import json

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.unit.trust.notation_workshop import (
    ARTIFACT,
    DAY,
    DIGEST,
    MANIFEST,
    NOW,
    Signer,
    judge,
    slugs,
)
from thwart.core.trust import VERIFIED, TrustError
from thwart.trust import notation_sign
from thwart.trust.notation_sign import COSE, JWS, Descriptor


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer()


@pytest.mark.parametrize("form", [JWS, COSE])
def test_what_is_signed_is_verified(signer: Signer, form: str) -> None:
    target = Descriptor(media_type=MANIFEST, digest=DIGEST, size=16724, annotations={"build": "ü"})
    envelope = notation_sign.sign(signer.request(form=form, target=target, expires=NOW + DAY), signer.sign)
    judgement = judge(envelope, signer.root_pem)
    assert judgement.decision == VERIFIED
    assert judgement.signatures[0].annotations == {"build": "ü"}
    assert slugs(judge(envelope, signer.root_pem, now=NOW + DAY)) == ["expired"]


def test_every_curve_signs_with_its_hash() -> None:
    for curve in (ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()):
        signer = Signer(curve=curve)
        for form in (JWS, COSE):
            assert (
                judge(notation_sign.sign(signer.request(form=form), signer.sign), signer.root_pem).decision == VERIFIED
            )


def test_a_countersignature_is_asked_for_the_signature(signer: Signer) -> None:
    asked = []

    def stamp(signature: bytes, algorithm: str) -> bytes:
        asked.append((signature, algorithm))
        return b"token"

    jws = json.loads(notation_sign.sign(signer.request(timestamp=stamp), signer.sign))
    assert jws["header"]["io.cncf.notary.timestampSignature"] == "dG9rZW4="
    cose = cbor2.loads(notation_sign.sign(signer.request(timestamp=stamp, form=COSE), signer.sign))
    assert cose.value[1]["io.cncf.notary.timestampSignature"] == b"token"
    assert asked[1] == (cose.value[3], "sha256")
    assert cose.tag == 18


def test_what_cannot_be_verified_is_not_signed(signer: Signer) -> None:
    other = Signer()
    with pytest.raises(TrustError, match="signature is not right"):
        notation_sign.sign(signer.request(), other.sign)
    with pytest.raises(TrustError, match="end in a self-signed root"):
        notation_sign.sign(signer.request(chain=signer.pem.removesuffix(signer.root_pem)), signer.sign)
    with pytest.raises(TrustError, match="authority"):
        notation_sign.sign(signer.request(chain=signer.root_pem), signer.sign)
    with pytest.raises(TrustError, match="expires before"):
        notation_sign.sign(signer.request(expires=NOW - 2 * DAY), signer.sign)
    with pytest.raises(TrustError, match="no form of envelope"):
        notation_sign.sign(signer.request(form="application/json"), signer.sign)
    with pytest.raises(TrustError):
        notation_sign.sign(signer.request(chain=b"junk"), signer.sign)


def test_the_manifest_refers_the_envelope_to_its_artifact(signer: Signer) -> None:
    request = signer.request(form=COSE)
    envelope = notation_sign.sign(request, signer.sign)
    manifest = json.loads(notation_sign.manifest(request, envelope))
    assert manifest["config"]["mediaType"] == "application/vnd.cncf.notary.signature"
    assert manifest["config"]["digest"] == "sha256:" + hashlib.sha256(notation_sign.CONFIG).hexdigest()
    assert manifest["config"]["size"] == len(notation_sign.CONFIG) == 2
    assert manifest["subject"] == {"mediaType": MANIFEST, "digest": ARTIFACT.digests[0], "size": 16724}
    digest = "sha256:" + hashlib.sha256(envelope).hexdigest()
    assert manifest["layers"] == [{"mediaType": COSE, "digest": digest, "size": len(envelope)}]
    prints = json.loads(manifest["annotations"]["io.cncf.notary.x509chain.thumbprint#S256"])
    assert prints == [hashlib.sha256(one).hexdigest() for one in signer.chain]
    assert manifest["annotations"]["org.opencontainers.image.created"] == "2026-11-30T00:00:00Z"
