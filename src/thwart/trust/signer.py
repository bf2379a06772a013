"""Who made a signature: the one way from bytes to a `Signature`, for all formats of Sigstore and DSSE.

Order (Sigstore client specification, "Verification"): the signature itself; when it existed, by timestamps and logs; the
certificate's path at each of these times; the certificate log's promise; the entry's binding to signature, key and
digest. Identities are compared later, by the policy.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from thwart.core.trust import Identity, Moment, Piece, Signature
from thwart.trust import chain, keys, rekor, rekor_body, sct, timestamps
from thwart.trust._case import Case, RefusedError
from thwart.trust._values import document, from_base64, text
from thwart.trust.anchors import Authority
from thwart.trust.keys import Key, Message
from thwart.trust.rekor import Entry

if TYPE_CHECKING:
    from cryptography import x509

_COSIGN = "dev.sigstore.cosign/"


class Material(Struct, frozen=True, kw_only=True):
    """One signature with all that came beside it. `stamped` is what timestamps are over: the signature by default."""

    signature: bytes
    message: Message
    certificate: x509.Certificate | None = None
    others: tuple[x509.Certificate, ...] = ()
    entries: tuple[Entry, ...] = ()
    responses: tuple[bytes, ...] = ()
    stamped: bytes = b""
    payload: bytes | None = None
    envelope: bytes = b""
    whole: bool = False  # a bundle: it must stand for itself, so an entry of an unknown log is refused


class _Times(Struct):
    """What logs and time-stamping authorities say of one signature by one key."""

    moments: list[Moment]
    logs: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def vouch(case: Case, piece: Piece, material: Material, digest: str, **more: Any) -> list[Signature]:  # noqa: ANN401
    """The signature once for each trusted key that made it, and once for the authority behind its certificate.

    Raises:
        RefusedError: it is of nobody trusted, or anything that came with it is wrong.
    """
    facts = {"format": piece.format, "where": piece.where, "digest": digest, **more}
    found: list[Signature] = []
    for key in case.anchors.keys.values():
        if key.verifies(material.signature, material.message):
            times = _times(case, material, key, None)
            moments = timestamps.earliest(times.moments, case.now)
            found.append(
                Signature(
                    key=key.fingerprint, moments=moments, logs=tuple(times.logs), notes=tuple(times.notes), **facts
                )
            )
            break  # two names of one key are one signer
    if material.certificate is not None:
        try:
            found += _certified(case, material, material.certificate, facts)
        except RefusedError:
            if not found:
                raise
    elif not found:
        known = len(case.anchors.keys)
        raise RefusedError("wrong-key", f"the signature is not right under any of the {known} trusted keys")
    return found


def cosign_material(case: Case, piece: Piece, signature: bytes, message: Message, **more: Any) -> Material:  # noqa: ANN401
    """A signature whose certificate, log entry and timestamp are in cosign's annotations."""
    notes = piece.annotations
    certificate = chain.load_pem(notes[_COSIGN + "certificate"].encode()) if notes.get(_COSIGN + "certificate") else []
    others = chain.load_pem(notes[_COSIGN + "chain"].encode(), case.bounds) if notes.get(_COSIGN + "chain") else []
    entries: tuple[Entry, ...] = ()
    if notes.get(_COSIGN + "bundle"):
        entries = (log_entry(case, document(notes[_COSIGN + "bundle"].encode(), case.bounds, "the Rekor bundle")),)
    responses: tuple[bytes, ...] = ()
    if notes.get(_COSIGN + "rfc3161timestamp"):
        stamp = document(notes[_COSIGN + "rfc3161timestamp"].encode(), case.bounds, "the timestamp")
        responses = (from_base64(text(stamp, "SignedRFC3161Timestamp"), "the timestamp"),)
    return Material(
        signature=signature,
        message=message,
        certificate=certificate[0] if certificate else None,
        others=(*certificate[1:], *others),
        entries=entries,
        responses=responses,
        **more,
    )


def log_entry(case: Case, value: Mapping[str, Any]) -> Entry:
    """An entry in cosign's own form, with the kind that its body states."""
    bare = rekor.of_cosign(value)
    return rekor.of_cosign(value, document(bare.body, case.bounds, "the log entry's body"))


def _certified(case: Case, material: Material, leaf: x509.Certificate, facts: Mapping[str, Any]) -> list[Signature]:
    """The signature under its certificate, once for each identity in it."""
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        key = keys.of(leaf.public_key(), "certificate")
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise RefusedError("certificate", "the certificate's key is of a kind that is not accepted") from None
    if not key.verifies(material.signature, material.message):
        raise RefusedError("signature", f"the signature is not right under the certificate of {chain.name_of(leaf)}")
    times = _times(case, material, key, leaf)
    authority, path = _authority(case, material, leaf, times)
    names: list[Identity] = chain.identities(leaf)
    return [
        Signature(
            key=key.fingerprint,
            identity=name,
            authority=authority.name,
            moments=timestamps.earliest(times.moments, case.now),
            logs=tuple(times.logs),
            promised=sct.promised(path, case.anchors.ct_logs),
            sigstore=authority.sigstore,
            notes=tuple(times.notes),
            **facts,
        )
        for name in names
    ]


def _times(case: Case, material: Material, key: Key, leaf: x509.Certificate | None) -> _Times:
    """When the signature existed. Every entry of a known log, and every timestamp, has to be right."""
    stamped = material.stamped or material.signature
    moments, notes = timestamps.verified(material.responses, stamped, case.anchors.timestamping, case.bounds)
    times = _Times(moments, notes=notes)
    signed = rekor_body.Signed(
        signature=material.signature,
        message=material.message,
        spki=key.spki,
        certificate=_der(leaf) if leaf is not None else b"",
        payload=material.payload,
        envelope=material.envelope,
    )
    for entry in material.entries:
        log = rekor.log_of(entry, case.anchors.logs)
        if log is None:
            times.notes.append(f"the entry of the unknown log {entry.log_id.hex()[:16]} proves nothing")
            continue
        rekor_body.bind(entry, signed, case.bounds)
        moment = rekor.verify(entry, log)
        rekor.in_window(log, [moment.at] if moment else [one.at for one in moments])
        times.moments += [moment] if moment else []
        times.logs.append(log.name)
    if material.whole and material.entries and case.anchors.logs and not times.logs:
        raise RefusedError("log", "no log entry of the bundle is of a trusted log")
    for one in times.moments:
        if one.at > case.now:
            raise RefusedError("future", f"{one.by} says {one.at:%Y-%m-%d %H:%M:%S}, which is yet to come")
    return times


def _authority(
    case: Case, material: Material, leaf: x509.Certificate, times: _Times
) -> tuple[Authority, tuple[x509.Certificate, ...]]:
    """The authority under which the leaf is valid at every proven time; without any, now."""
    refusal = RefusedError("untrusted", f"no authority is trusted that could vouch for {chain.name_of(leaf)}")
    for authority in case.anchors.authorities:
        try:
            return authority, _path(case, material, leaf, times, authority)
        except RefusedError as refused:
            if refusal.slug == "untrusted":
                refusal = refused
    raise refusal


def _path(
    case: Case, material: Material, leaf: x509.Certificate, times: _Times, authority: Authority
) -> tuple[x509.Certificate, ...]:
    """Certificates that live for minutes prove nothing without a time that somebody signed."""
    others = [*material.others, *authority.certificates]
    path: tuple[x509.Certificate, ...] = ()
    for moment in timestamps.earliest(times.moments, case.now):
        path = chain.build(leaf, others, authority.anchors, moment.at, chain.CODE_SIGNING, case.bounds)
        if not authority.window.covers(moment.at):
            raise RefusedError("untrusted", f"the authority was not trusted at {moment.at:%Y-%m-%d %H:%M:%S}")
    if authority.sigstore and not times.moments:
        raise RefusedError("no-time", "neither a log nor a timestamp says when the signature was made")
    return path


def _der(certificate: x509.Certificate) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.DER)
