"""When a Notary Project signature was made, and whether its certificates and it itself were valid then.

Source: Notary Project trust store and trust policy specification, "Signature Verification details": expiry and authentic
timestamp; RFC 3161 section 2.4.2 (accuracy).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from thwart.core.trust import Bounds, Moment
from thwart.trust import chain, timestamps
from thwart.trust._case import RefusedError
from thwart.trust._notation_chain import named
from thwart.trust._notation_envelope import AUTHORITY, Envelope
from thwart.trust.anchors import Authority

if TYPE_CHECKING:
    from cryptography import x509

_BASELINE, _BASELINE_ACCURACY = "0.4.0.2023.1.1", timedelta(seconds=1)  # ETSI EN 319 421 section 5.2


def unexpired(envelope: Envelope, now: datetime) -> None:
    """Whether the signer still stands by the signature.

    Raises:
        RefusedError: the signature's own expiry has come.
    """
    expires = envelope.attributes.expires
    if expires is not None and now >= expires:
        raise RefusedError("expired", f"the signature expired {expires:%Y-%m-%d %H:%M:%S}")


def of_authority(envelope: Envelope, now: datetime) -> Moment:
    """The time that a signing authority vouches for.

    Raises:
        RefusedError: it is yet to come, or a certificate was not valid then.
    """
    at = envelope.attributes.signed_at
    if at > now:
        raise RefusedError("future", f"the signature says that it is of {at:%Y-%m-%d %H:%M:%S}, which is yet to come")
    within(envelope.chain, at, at)
    return Moment(at=at, source="authority", by=named(envelope.chain[-1]))


def of_clock(envelope: Envelope, now: datetime) -> Moment:
    """Now, when nothing vouches for another time.

    Raises:
        RefusedError: a certificate is not valid.
    """
    within(envelope.chain, now, now)
    return Moment(at=now, source="clock")


def of_timestamp(envelope: Envelope, authorities: tuple[Authority, ...], now: datetime, bounds: Bounds) -> Moment:
    """The time of the countersignature over the signature.

    Raises:
        RefusedError: there is none, it is not right, or some certificate may not have been valid then.
    """
    if envelope.attributes.scheme == AUTHORITY:
        raise RefusedError("timestamp", "a signing authority's signature has no countersignature")
    if not envelope.timestamp:
        raise RefusedError("no-timestamp", "the signature has no timestamp, and one is required")
    response = timestamps.wrapped(envelope.timestamp)
    moments, _ = timestamps.verified([response], envelope.signature, authorities, bounds)
    if not moments:
        raise RefusedError("timestamp", "no time-stamping authority is trusted that could have made the timestamp")
    at, accuracy = moments[0].at, _accuracy(response)
    if at > now:
        raise RefusedError("future", f"the timestamp is of {at:%Y-%m-%d %H:%M:%S}, which is yet to come")
    within(envelope.chain, at - accuracy, at + accuracy)
    return moments[0]


def stamper(
    envelope: Envelope, authorities: tuple[Authority, ...], at: datetime, bounds: Bounds
) -> Sequence[x509.Certificate]:
    """The path of the time-stamping authority of a countersignature that was verified before."""
    token = timestamps.decoded(timestamps.wrapped(envelope.timestamp))
    signer = next(iter(token.signed_data.signer_infos))
    embedded = [chain.load_der(der) for der in sorted(token.signed_data.certificates)]
    roots = [one for authority in authorities for one in authority.certificates]
    leaf = next(one for one in (*embedded, *roots) if chain.issued_as(one) == chain.issued_as(signer))
    return chain.build(leaf, embedded, roots, at, chain.TIME_STAMPING, bounds)


def within(certificates: Sequence[x509.Certificate], begin: datetime, end: datetime) -> None:
    """Whether every certificate was valid from `begin` to `end`.

    Raises:
        RefusedError: one was not.
    """
    for one in certificates:
        if begin < one.not_valid_before_utc:
            first = f"{one.not_valid_before_utc:%Y-%m-%d %H:%M:%S}"
            raise RefusedError(
                "not-yet-valid", f"the certificate of {named(one)} is valid from {first}, after {_shown(begin)}"
            )
        if end > one.not_valid_after_utc:
            last = f"{one.not_valid_after_utc:%Y-%m-%d %H:%M:%S}"
            raise RefusedError(
                "expired", f"the certificate of {named(one)} was valid until {last}, before {_shown(end)}"
            )


def _shown(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def _accuracy(response: bytes) -> timedelta:
    info = timestamps.decoded(response).tst_info
    stated = info.accuracy
    if stated is None:
        return _BASELINE_ACCURACY if info.policy.dotted_string == _BASELINE else timedelta()
    return timedelta(seconds=stated.seconds or 0, milliseconds=stated.millis or 0, microseconds=stated.micros or 0)
