"""Envelopes in COSE_Sign1, tagged (signature-envelope-cose; RFC 9052 section 4.2; RFC 9360 for the certificates)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, NoReturn

from thwart.core.trust import Bounds
from thwart.trust import chain
from thwart.trust._case import RefusedError
from thwart.trust._notation_envelope import PAYLOAD, TIMESTAMP, Envelope, attributes
from thwart.trust._notation_keys import ALGORITHMS
from thwart.trust._values import since_epoch

if TYPE_CHECKING:
    from cryptography import x509

TAG = b"\xd2"  # 18, COSE_Sign1
ALG, CRIT, CTY, X5CHAIN = 1, 2, 3, 33
_BY_NUMBER = {one.cose: one for one in ALGORITHMS}
_DEPTH = 8
_TIME = 1
_BUILT_IN = (0, 2, 3, 4, 5, 25, 28, 29, 30, 35, 36, 37, 100, 256, 258, 260, 261, 1004, 43000, 55799)


def read(content: bytes, bounds: Bounds) -> Envelope:
    """The envelope, of which nothing is verified yet."""
    outer = _decode(content[len(TAG) :], "the envelope")
    if not isinstance(outer, list) or len(outer) != 4:
        raise RefusedError("malformed", "the envelope is not a list of four")
    wrapped, unprotected, payload, signature = outer
    if not all(isinstance(one, bytes) and one for one in (wrapped, payload, signature)):
        raise RefusedError("malformed", "the envelope lacks its protected header, its payload or its signature")
    protected = _labelled(_decode(wrapped, "the protected header"))
    if set(protected) & set(_labelled(unprotected)):  # RFC 9052 section 3
        raise RefusedError("malformed", "an attribute is in the protected header and in the unprotected one")
    algorithm = _BY_NUMBER.get(protected.get(ALG, 0)) if type(protected.get(ALG)) is int else None
    if algorithm is None:
        raise RefusedError("algorithm", f"the algorithm {str(protected.get(ALG))[:60]} is not accepted")
    if protected.get(CTY) != PAYLOAD:
        raise RefusedError("payload-type", f"the payload is of type {str(protected.get(CTY))[:100]!r}")
    token = unprotected.get(TIMESTAMP, b"")
    if not isinstance(token, bytes):
        raise RefusedError("malformed", "the timestamp is not bytes")
    return Envelope(
        algorithm=algorithm,
        signed=to_be_signed(wrapped, payload),
        signature=signature,
        payload=payload,
        attributes=attributes(protected, protected.get(CRIT), (ALG, CRIT, CTY), _moment),
        chain=_certificates(unprotected, bounds),
        timestamp=token,
    )


def to_be_signed(protected: bytes, payload: bytes) -> bytes:
    """The Sig_structure (RFC 9052 section 4.4), with no external data."""
    import cbor2

    return cbor2.dumps(["Signature1", protected, b"", payload])


def _decode(data: bytes, what: str) -> Any:  # noqa: ANN401 - CBOR is as free as JSON
    """CBOR of definite lengths, no key twice, no tag but that of a time, and nothing after it."""
    import io

    import cbor2

    stream = io.BytesIO(data)
    try:
        value = cbor2.load(
            stream,
            max_depth=_DEPTH,
            allow_indefinite=False,
            allow_duplicate_keys=False,
            tag_hook=_refuse,
            semantic_decoders={_TIME: _time, **dict.fromkeys(_BUILT_IN, _refuse)},
        )
    except (cbor2.CBORDecodeError, ValueError, TypeError, OverflowError, RecursionError, MemoryError):
        raise RefusedError("malformed", f"{what} is not the CBOR of a signature") from None
    if stream.tell() != len(data):
        raise RefusedError("malformed", f"{what} is followed by something else")
    return value


def _refuse(*_: object) -> NoReturn:
    raise ValueError("a tag that does not belong here")


def _time(value: object, _: bool) -> Any:  # noqa: ANN401 - a class of cbor2's
    import cbor2

    return cbor2.CBORTag(_TIME, value)


def _labelled(value: object) -> Mapping[Any, Any]:
    if not isinstance(value, dict) or not all(type(one) in (int, str) for one in value):
        raise RefusedError("malformed", "a header is not a map from numbers and names")
    return value


def _certificates(unprotected: Mapping[Any, Any], bounds: Bounds) -> tuple[x509.Certificate, ...]:
    """RFC 9360 section 2: one certificate stands alone, several are a list; notation makes a list of one as well."""
    listed = unprotected.get(X5CHAIN)
    if isinstance(listed, bytes):
        listed = [listed]
    if not isinstance(listed, list) or not listed or not all(isinstance(one, bytes) for one in listed):
        raise RefusedError("certificate", "the signature comes without certificates")
    if len(listed) > bounds.certificates:
        raise RefusedError("too-many", f"{len(listed)} certificates, more than the {bounds.certificates} that are read")
    return tuple(chain.load_der(one) for one in listed)


def _moment(value: object, name: str) -> datetime:
    import cbor2

    if not isinstance(value, cbor2.CBORTag) or type(value.value) is not int:
        raise RefusedError("malformed", f"{name} is not a time in whole seconds, tagged as one")
    return since_epoch(value.value)
