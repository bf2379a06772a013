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


def decoded(response: bytes) -> Any:  # noqa: ANN401 - a class of rfc3161-client's
    """The parts of a TimeStampResp.

    Raises:
        ValueError: it is none.
    """
    from rfc3161_client import decode_timestamp_response

    return decode_timestamp_response(_ordered(response))


def _ordered(response: bytes) -> bytes:
    """The response with the certificates of its token in the order of DER, which rfc3161-client insists on.

    RFC 5652 section 5.1 lets them be in any (GlobalSign's are), and nobody signs their order.
    """
    try:
        at = _inner(response, _after(response, _inner(response, 0)))  # past the status, into the token
        at = _inner(response, _inner(response, _after(response, at)))  # past its type, into the signed data
        for _ in ("version", "digest algorithms", "content"):
            at = _after(response, at)
        if response[at] != 0xA0:
            return response
        first, last = _inner(response, at), _after(response, at)
        found, at = [], first
        while at < last:
            found.append(response[at : (at := _after(response, at))])
    except (IndexError, ValueError):
        return response  # what is wrong with it the decoder will say
    return response[:first] + b"".join(sorted(found)) + response[last:] if at == last else response


def _inner(data: bytes, at: int) -> int:
    """Where the value of the DER element at `at` begins."""
    return at + 2 + (data[at + 1] & 0x7F if data[at + 1] & 0x80 else 0)


def _after(data: bytes, at: int) -> int:
    """Where the DER element at `at` ends (X.690 section 8.1.3, definite lengths)."""
    begins = _inner(data, at)
    length = int.from_bytes(data[at + 2 : begins], "big") if data[at + 1] & 0x80 else data[at + 1]
    if data[at + 1] == 0x80 or begins + length > len(data):
        raise ValueError("no definite length, or beyond the end")
    return begins + length


def _one(response: bytes, signed: bytes, authorities: tuple[Authority, ...], bounds: Bounds) -> Moment:
    try:
        token = decoded(response)
        made = token.tst_info.gen_time
        embedded = [chain.load_der(der) for der in sorted(token.signed_data.certificates)]
    except (ValueError, TypeError):
        raise RefusedError("timestamp", "the timestamp is malformed") from None
    at = made if made.tzinfo else made.replace(tzinfo=UTC)
    refusal = RefusedError("timestamp", "the timestamp is of no trusted authority, or not over this signature")
    for authority, leaf in _candidates(token, embedded, authorities):
        try:
            path = chain.build(
                leaf, [*authority.certificates, *embedded], authority.anchors, at, chain.TIME_STAMPING, bounds
            )
            _critical_purpose(leaf)
        except RefusedError as refused:
            refusal = RefusedError("timestamp", f"the timestamp's authority: {refused.sentence}")
            continue
        if not _is_over(token, signed, leaf, path):
            continue
        if not authority.window.covers(at):
            refusal = RefusedError(
                "timestamp", f"the timestamp of {at:%Y-%m-%d %H:%M:%S} is outside its authority's time"
            )
            continue
        return Moment(at=at, source="timestamp", by=chain.name_of(leaf))
    raise refusal


def _candidates(
    token: Any,  # noqa: ANN401 - a class of rfc3161-client's
    embedded: list[x509.Certificate],
    authorities: tuple[Authority, ...],
) -> Iterator[tuple[Authority, x509.Certificate]]:
    """The signer's certificate, found by issuer and serial number (RFC 5652 section 5.3), under each authority."""
    signers = list(token.signed_data.signer_infos)
    if len(signers) != 1:  # RFC 3161 section 2.4.2: exactly one
        raise RefusedError("timestamp", "the timestamp has not exactly one signer")
    try:
        named = chain.issued_as(signers[0])
    except (ValueError, TypeError):
        raise RefusedError("timestamp", "the timestamp's signer has a malformed name") from None
    for authority in authorities:
        for leaf in dict.fromkeys((*authority.certificates, *embedded)):
            if chain.issued_as(leaf) == named:
                yield authority, leaf


def _critical_purpose(leaf: x509.Certificate) -> None:
    """RFC 3161 section 2.3: the extended key usage is critical and nothing but timeStamping."""
    from cryptography import x509

    extension = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    if not extension.critical or len(extension.value) != 1:
        raise RefusedError("timestamp", "its certificate may be for other things than timestamps")


def _is_over(
    token: Any,  # noqa: ANN401
    signed: bytes,
    leaf: x509.Certificate,
    path: tuple[x509.Certificate, ...],
) -> bool:
    """Whether the token's own signature is right, and its imprint that of these bytes."""
    from rfc3161_client import VerificationError, VerifierBuilder

    builder = VerifierBuilder(tsa_certificate=leaf, intermediates=list(path[1:-1]), roots=[path[-1]])
    try:
        return bool(builder.build().verify_message(token, signed))
    except (VerificationError, ValueError, AssertionError):
        return False


def earliest(moments: Iterable[Moment], now: datetime) -> tuple[Moment, ...]:
    """The moments in order; without any, the clock's, which nothing vouches for."""
    ordered = tuple(sorted(moments, key=lambda moment: moment.at))
    return ordered or (Moment(at=now, source="clock"),)
