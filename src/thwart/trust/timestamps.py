"""RFC 3161 timestamps: when a signature certainly existed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from thwart.core.trust import Bounds, Moment
from thwart.trust import chain
from thwart.trust._case import RefusedError
from thwart.trust.anchors import Authority

if TYPE_CHECKING:
    from cryptography import x509


def verified(
    responses: Iterable[bytes], signed: bytes, authorities: tuple[Authority, ...], bounds: Bounds
) -> tuple[list[Moment], list[str]]:
    """The moments that known authorities vouch for, over the bytes of a signature; and notes on tokens left aside.

    Where no time-stamping authority is known at all, tokens mean nothing and are noted. Where one is, every token has to
    be right (Sigstore client specification, "Timestamping"): a wrong one is never out-voted by another.

    Raises:
        RefusedError: a token is malformed, given twice, of nobody known, or not over these bytes.
    """
    tokens = list(responses)
    if len(tokens) > bounds.timestamps:
        raise RefusedError("too-many", f"{len(tokens)} timestamps, more than the {bounds.timestamps} that are read")
    if len(set(tokens)) != len(tokens):
        raise RefusedError("timestamp", "a timestamp is given twice")
    if tokens and not authorities:
        return [], ["no time-stamping authority is trusted, so the timestamp proves nothing"]
    return [_one(token, signed, authorities, bounds) for token in tokens], []


def wrapped(token: bytes) -> bytes:
    """A TimeStampResp (RFC 3161 section 2.4.2) of status granted, around a bare TimeStampToken."""
    body = b"\x30\x03\x02\x01\x00" + token
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    head = bytes([len(body)]) if len(body) < 128 else bytes([0x80 | len(length)]) + length
    return b"\x30" + head + body


def _one(response: bytes, signed: bytes, authorities: tuple[Authority, ...], bounds: Bounds) -> Moment:
    from rfc3161_client import decode_timestamp_response

    try:
        decoded = decode_timestamp_response(response)
        made = decoded.tst_info.gen_time
        embedded = [chain.load_der(der) for der in sorted(decoded.signed_data.certificates)]
    except (ValueError, TypeError):
        raise RefusedError("timestamp", "the timestamp is malformed") from None
    at = made if made.tzinfo else made.replace(tzinfo=UTC)
    refusal = RefusedError("timestamp", "the timestamp is of no trusted authority, or not over this signature")
    for authority, leaf in _candidates(decoded, embedded, authorities):
        try:
            path = chain.build(
                leaf, [*authority.certificates, *embedded], authority.anchors, at, chain.TIME_STAMPING, bounds
            )
            _critical_purpose(leaf)
        except RefusedError as refused:
            refusal = RefusedError("timestamp", f"the timestamp's authority: {refused.sentence}")
            continue
        if not _is_over(decoded, signed, leaf, path):
            continue
        if not authority.window.covers(at):
            refusal = RefusedError(
                "timestamp", f"the timestamp of {at:%Y-%m-%d %H:%M:%S} is outside its authority's time"
            )
            continue
        return Moment(at=at, source="timestamp", by=chain.name_of(leaf))
    raise refusal


def _candidates(
    decoded: Any,  # noqa: ANN401 - a class of rfc3161-client's
    embedded: list[x509.Certificate],
    authorities: tuple[Authority, ...],
) -> Iterator[tuple[Authority, x509.Certificate]]:
    """The signer's certificate, found by issuer and serial number (RFC 5652 section 5.3), under each authority."""
    signers = list(decoded.signed_data.signer_infos)
    if len(signers) != 1:  # RFC 3161 section 2.4.2: exactly one
        raise RefusedError("timestamp", "the timestamp has not exactly one signer")
    for authority in authorities:
        for leaf in dict.fromkeys((*authority.certificates, *embedded)):
            if leaf.issuer == signers[0].issuer and leaf.serial_number == signers[0].serial_number:
                yield authority, leaf


def _critical_purpose(leaf: x509.Certificate) -> None:
    """RFC 3161 section 2.3: the extended key usage is critical and nothing but timeStamping."""
    from cryptography import x509

    extension = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    if not extension.critical or len(extension.value) != 1:
        raise RefusedError("timestamp", "its certificate may be for other things than timestamps")


def _is_over(
    decoded: Any,  # noqa: ANN401
    signed: bytes,
    leaf: x509.Certificate,
    path: tuple[x509.Certificate, ...],
) -> bool:
    """Whether the token's own signature is right, and its imprint that of these bytes."""
    from rfc3161_client import VerificationError, VerifierBuilder

    builder = VerifierBuilder(tsa_certificate=leaf, intermediates=list(path[1:-1]), roots=[path[-1]])
    try:
        return bool(builder.build().verify_message(decoded, signed))
    except (VerificationError, ValueError, AssertionError):
        return False


def earliest(moments: Iterable[Moment], now: datetime) -> tuple[Moment, ...]:
    """The moments in order; without any, the clock's, which nothing vouches for."""
    ordered = tuple(sorted(moments, key=lambda moment: moment.at))
    return ordered or (Moment(at=now, source="clock"),)
