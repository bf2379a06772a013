"""Notary Project signatures, made: an envelope in JWS or COSE, and the manifest that refers it to its artifact.

The private key stays with the caller, who signs with `key.sign(data, *arguments)`, or with whatever holds the key.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct, field

from thwart.core.trust import BOUNDS, TrustError
from thwart.trust import _notation_chain, _notation_envelope, _notation_keys, _notation_stores
from thwart.trust._case import RefusedError
from thwart.trust._notation_cose import ALG, CRIT, CTY, TAG, X5CHAIN, to_be_signed
from thwart.trust._notation_envelope import AGENT, EXPIRY, PAYLOAD, SCHEME, TIME_OF, TIMESTAMP, X509
from thwart.trust._notation_keys import Algorithm

JWS, COSE = "application/jose+json", "application/cose"
ARTIFACT = "application/vnd.cncf.notary.signature"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_THUMBPRINTS = "io.cncf.notary.x509chain.thumbprint#S256"
_CREATED = "org.opencontainers.image.created"
CONFIG = b"{}"

Signer = Callable[[bytes, tuple[Any, ...]], bytes]


class Descriptor(Struct, frozen=True, kw_only=True):
    """What is signed, or stored: `annotations` become claims of the signature."""

    media_type: str
    digest: str
    size: int
    annotations: Mapping[str, str] = field(default_factory=dict)


class Request(Struct, frozen=True, kw_only=True):
    """A signature to be made. `chain`: certificates in PEM, the signer's first, a root last. Times have a zone.

    `form` is the media type of the envelope, `agent` the name under which the tool signs. `timestamp` is asked for a
    countersignature (the token in DER) of the signature and its hash (`sha256`); without it there is none.
    """

    target: Descriptor
    chain: bytes
    at: datetime
    agent: str
    expires: datetime | None = None
    form: str = JWS
    timestamp: Callable[[bytes, str], bytes] | None = None


def sign(request: Request, signer: Signer) -> bytes:
    """The envelope. `signer` is given the bytes to sign, and the further arguments of a private key's `sign`.

    Raises:
        TrustError: the chain, the key or the times are not as the specification wants them.
    """
    certificates = _notation_stores.certificates(request.chain, "the certificate chain")
    make = {JWS: _jws, COSE: _cose}.get(request.form)
    if make is None:
        raise TrustError(f"{request.form!r} is no form of envelope", f"the forms are {JWS} and {COSE}")
    try:
        _notation_chain.check(certificates)
        algorithm = _notation_keys.of(certificates[0].public_key())
        envelope = make(request, algorithm, [_der(one) for one in certificates], signer)
        _notation_envelope.read(envelope, BOUNDS)  # a key that is not the certificate's would go unnoticed until later
    except RefusedError as refused:
        raise TrustError(f"this cannot be signed: {refused.sentence}") from None
    return envelope


def manifest(request: Request, envelope: bytes) -> bytes:
    """The manifest by which a registry lists the envelope as a referrer of what it signs; its config is `CONFIG`."""
    subject = request.target
    certificates = _notation_stores.certificates(request.chain, "the certificate chain")
    thumbprints = [hashlib.sha256(_der(one)).hexdigest() for one in certificates]
    document = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": _described(ARTIFACT, CONFIG),  # read as the artifact's type by registries of OCI 1.0 and 1.1 alike
        "layers": [_described(request.form, envelope)],
        "subject": {"mediaType": subject.media_type, "digest": subject.digest, "size": subject.size},
        "annotations": {
            _THUMBPRINTS: json.dumps(thumbprints, separators=(",", ":")),
            _CREATED: _written(request.at),
        },
    }
    return json.dumps(document, separators=(",", ":")).encode()


def _jws(request: Request, algorithm: Algorithm, chain: list[bytes], signer: Signer) -> bytes:
    protected: dict[str, Any] = {"alg": algorithm.name, "cty": PAYLOAD, **_attributes(request, _written)}
    encoded = {
        "payload": _url_safe(_payload(request)),
        "protected": _url_safe(_json(protected | _critical("crit", request))),
    }
    signature = _signature(algorithm, signer, f"{encoded['protected']}.{encoded['payload']}".encode())
    header: dict[str, Any] = {"x5c": [base64.b64encode(one).decode() for one in chain], AGENT: request.agent}
    if request.timestamp is not None:
        header[TIMESTAMP] = base64.b64encode(request.timestamp(signature, algorithm.hash.lower())).decode()
    return _json({**encoded, "header": header, "signature": _url_safe(signature)})


def _cose(request: Request, algorithm: Algorithm, chain: list[bytes], signer: Signer) -> bytes:
    import cbor2

    protected: dict[Any, Any] = {ALG: algorithm.cose, CTY: PAYLOAD, **_attributes(request, _tagged)}
    wrapped = cbor2.dumps(protected | _critical(CRIT, request), canonical=True)
    payload = _payload(request)
    signature = _signature(algorithm, signer, to_be_signed(wrapped, payload))
    unprotected: dict[Any, Any] = {X5CHAIN: chain, AGENT: request.agent}
    if request.timestamp is not None:
        unprotected[TIMESTAMP] = request.timestamp(signature, algorithm.hash.lower())
    return TAG + cbor2.dumps([wrapped, unprotected, payload, signature])


def _attributes(request: Request, moment: Callable[[datetime], Any]) -> dict[str, Any]:
    stated = {SCHEME: X509, TIME_OF[X509]: moment(request.at)}
    return stated if request.expires is None else {**stated, EXPIRY: moment(request.expires)}


def _critical(label: str | int, request: Request) -> dict[Any, Any]:
    return {label: [SCHEME] if request.expires is None else [SCHEME, EXPIRY]}


def _payload(request: Request) -> bytes:
    target = request.target
    stated: dict[str, Any] = {"mediaType": target.media_type, "digest": target.digest, "size": target.size}
    return _json(
        {"targetArtifact": {**stated, **({"annotations": dict(target.annotations)} if target.annotations else {})}}
    )


def _signature(algorithm: Algorithm, signer: Signer, data: bytes) -> bytes:
    return _notation_keys.raw(algorithm, signer(data, _notation_keys.arguments(algorithm)))


def _written(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _tagged(at: datetime) -> Any:  # noqa: ANN401 - a class of cbor2's
    import cbor2

    return cbor2.CBORTag(1, int(at.timestamp()))


def _described(media_type: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": "sha256:" + hashlib.sha256(content).hexdigest(), "size": len(content)}


def _url_safe(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def _der(certificate: Any) -> bytes:  # noqa: ANN401 - a certificate of cryptography's
    from cryptography.hazmat.primitives.serialization import Encoding

    return bytes(certificate.public_bytes(Encoding.DER))
