"""Envelopes in JWS, flattened JSON serialization (signature-envelope-jws; RFC 7515 section 7.2.2)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from thwart.core.trust import Bounds
from thwart.trust import chain
from thwart.trust._case import RefusedError
from thwart.trust._notation_envelope import PAYLOAD, TIMESTAMP, Envelope, attributes
from thwart.trust._notation_json import strict
from thwart.trust._notation_keys import ALGORITHMS
from thwart.trust._values import instant, table, text

if TYPE_CHECKING:
    from cryptography import x509

_OWN = ("alg", "cty", "crit")
_BY_NAME = {one.name: one for one in ALGORITHMS}


def read(content: bytes, bounds: Bounds) -> Envelope:
    """The envelope, of which nothing is verified yet."""
    outer = strict(content, bounds, "the envelope")
    if "signatures" in outer:  # RFC 7515 section 7.2.2; other members that are not known are ignored
        raise RefusedError("malformed", "the envelope is of two kinds at once, flattened and general")
    payload, signature = url_safe(outer, "payload"), url_safe(outer, "signature")
    protected = strict(url_safe(outer, "protected"), bounds, "the protected header")
    header = table(outer, "header")
    if set(header) & {*protected, *_OWN}:  # RFC 7515 sections 4.1.11 and 7.2.1
        raise RefusedError("malformed", "the unprotected header says what only the protected one may say")
    algorithm = _BY_NAME.get(text(protected, "alg"))
    if algorithm is None:
        raise RefusedError("algorithm", f"the algorithm {text(protected, 'alg')[:60]!r} is not accepted")
    if text(protected, "cty") != PAYLOAD:
        raise RefusedError("payload-type", f"the payload is of type {text(protected, 'cty')[:100]!r}")
    return Envelope(
        algorithm=algorithm,
        signed=f"{outer['protected']}.{outer['payload']}".encode(),
        signature=signature,
        payload=payload,
        attributes=attributes(protected, protected.get("crit"), _OWN, _moment),
        chain=_certificates(header, bounds),
        timestamp=_plain(text(header, TIMESTAMP), "the timestamp"),
    )


def _certificates(header: Mapping[str, Any], bounds: Bounds) -> tuple[x509.Certificate, ...]:
    listed = header.get("x5c")
    if not isinstance(listed, list) or not listed or not all(isinstance(one, str) for one in listed):
        raise RefusedError("certificate", "the signature comes without certificates")
    if len(listed) > bounds.certificates:
        raise RefusedError("too-many", f"{len(listed)} certificates, more than the {bounds.certificates} that are read")
    return tuple(chain.load_der(_plain(one, "a certificate")) for one in listed)


def url_safe(parent: Mapping[str, Any], key: str) -> bytes:
    """Base64 as RFC 7515 section 2 has it: URL-safe, without padding, blanks or stray bits."""
    value = text(parent, key)
    try:
        data = base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if not data or base64.urlsafe_b64encode(data).rstrip(b"=").decode() != value:
        raise RefusedError("malformed", f"{key} is missing, or not base64url without padding")
    return data


def _plain(value: str, what: str) -> bytes:
    """Base64 with padding, for certificates (RFC 7515 section 4.1.6) and timestamps."""
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise RefusedError("malformed", f"{what} is not base64") from None


def _moment(value: object, name: str) -> datetime:
    found = instant(value) if isinstance(value, str) else None
    if found is None:
        raise RefusedError("malformed", f"{name} is not a time of RFC 3339")
    return found
