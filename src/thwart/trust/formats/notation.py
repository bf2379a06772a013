"""Notary Project signatures, under the house's own policy: `content` is the envelope, in JWS or COSE.

What the specification leaves to verification levels is strict here: an expired signature, a revoked certificate or a
wrong timestamp never counts. Trusted are the stores `ca:…` and `signingAuthority:…`, and for the former scheme the
authorities that the user named as well; timestamps are of the stores `tsa:…` or of known time-stamping authorities.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from msgspec import Struct

from thwart.core.trust import Identity, Moment, Piece, Signature
from thwart.trust import _notation_envelope, _notation_revocation, _notation_stores, _notation_time, keys
from thwart.trust._case import Case, Found, reads
from thwart.trust._notation_envelope import AUTHORITY, X509, Envelope, Target
from thwart.trust.anchors import Anchors, Authority


class _Trusted(Struct, frozen=True, kw_only=True):
    """Everything that notation signatures are held against."""

    stores: dict[str, _notation_stores.Store]
    stamping: tuple[Authority, ...]
    lists: _notation_revocation.Lists


@reads("notation")
def verify(case: Case) -> Iterable[Found]:
    """Envelopes, each of one signature."""
    trusted = _trusted(case.anchors)
    return case.each(partial(_one, trusted))


def _trusted(anchors: Anchors) -> _Trusted:
    stores = _notation_stores.read(anchors.raw.stores)
    stamping = (*_notation_stores.stamping(stores, stores), *anchors.timestamping)
    return _Trusted(stores=stores, stamping=stamping, lists=_notation_revocation.read(anchors.raw.revoked))


def _one(trusted: _Trusted, case: Case, piece: Piece) -> Iterable[Found]:
    envelope = _notation_envelope.read(piece.content, case.bounds)
    target = _notation_envelope.target(envelope, case.artifact, case.bounds)
    authority = _authority(envelope, trusted, case)
    _notation_time.unexpired(envelope, case.now)
    moment = _moment(envelope, trusted, case)
    proven = moment.at if moment.source == "authority" else None
    _notation_revocation.check(envelope.chain, trusted.lists, case.now, proven, must=False)
    yield signature(piece, envelope, target, authority, (moment,))


def _authority(envelope: Envelope, trusted: _Trusted, case: Case) -> str:
    if envelope.attributes.scheme == X509:
        for one in case.anchors.authorities:
            if not one.sigstore and set(one.certificates) & set(envelope.chain):
                return one.name
    return _notation_stores.holding(envelope, trusted.stores)


def _moment(envelope: Envelope, trusted: _Trusted, case: Case) -> Moment:
    if envelope.attributes.scheme == AUTHORITY:
        return _notation_time.of_authority(envelope, case.now)
    if not envelope.timestamp or not trusted.stamping:
        return _notation_time.of_clock(envelope, case.now)
    moment = _notation_time.of_timestamp(envelope, trusted.stamping, case.now, case.bounds)
    path = _notation_time.stamper(envelope, trusted.stamping, moment.at, case.bounds)
    _notation_revocation.check(path, trusted.lists, case.now, None, must=False)
    return moment


def signature(
    piece: Piece,
    envelope: Envelope,
    target: Target,
    authority: str,
    moments: tuple[Moment, ...],
    notes: tuple[str, ...] = (),
) -> Signature:
    """The find: a certificate's subject, vouched for by a trust store."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    leaf = envelope.chain[0]
    spki = leaf.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    ignored = envelope.attributes.ignored
    said = (f"signed attributes that are not known: {', '.join(ignored)}",) if ignored else ()
    return Signature(
        format=piece.format,
        where=piece.where,
        digest=target.digest,
        key=keys.fingerprint(spki),
        identity=Identity(subject=leaf.subject.rfc4514_string(), kind="distinguished-name"),
        authority=authority,
        moments=moments,
        annotations=target.annotations,
        notes=(*said, *notes),
    )
