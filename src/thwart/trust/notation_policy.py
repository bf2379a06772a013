"""Trust policy documents of the Notary Project, version 1.0 (`trustpolicy.json`), and judging by them.

Source: Notary Project trust store and trust policy specification. The statement whose scope is exactly the repository
decides, else the one with `*`, else nothing is trusted. Of four checks (authenticity, expiry, authentic timestamp,
revocation) its level says which are enforced; integrity always is. An artifact is verified when one of its signatures
passes. Plugins are not run: a signature that asks for one is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from msgspec import Struct, field

from thwart.core.trust import (
    BOUNDS,
    DENIED,
    UNKNOWN,
    VERIFIED,
    Artifact,
    Bounds,
    Evidence,
    Judgement,
    Moment,
    Piece,
    Reason,
    Roots,
    Signature,
    TrustError,
)
from thwart.trust import _notation_envelope, _notation_names, _notation_revocation, _notation_stores, _notation_time
from thwart.trust._case import RefusedError
from thwart.trust._notation_document import ALWAYS, ENFORCE, SKIP, Policy, Statement, read
from thwart.trust._notation_envelope import AUTHORITY, Envelope
from thwart.trust.formats.notation import signature

__all__ = ["Policy", "Statement", "judge", "read_policy", "store"]

read_policy = read


def store(name: str, files: Mapping[str, bytes]) -> bytes:
    """A trust store (`ca:acme`) for `Roots.stores`, in PEM, of its directory's files, in PEM or DER, by their names.

    Raises:
        TrustError: there is no file, one is malformed, or it holds what does not belong into such a store.
    """
    from cryptography.hazmat.primitives.serialization import Encoding

    found = [one for path, data in files.items() for one in _notation_stores.certificates(data, f"{name}, {path}")]
    joined = b"".join(one.public_bytes(Encoding.PEM) for one in found)
    if not found:
        raise TrustError(f"the trust store {name!r} holds no certificate")
    _notation_stores.read({name: joined})
    return joined


class _Court(Struct, frozen=True, kw_only=True):
    """Everything that the signatures of one artifact are held against."""

    artifact: Artifact
    statement: Statement
    stores: Mapping[str, _notation_stores.Store]
    lists: _notation_revocation.Lists
    now: datetime
    bounds: Bounds


class _Weighing(Struct):
    """What the checks of one signature learn from one another."""

    authority: str = ""
    moments: list[Moment] = field(default_factory=list)


def judge(
    artifact: Artifact, evidence: Evidence, policy: Policy, roots: Roots, now: datetime, bounds: Bounds = BOUNDS
) -> Judgement:
    """Judge an artifact as notation would; a signature's `notes` say which checks only logged their failure.

    Args:
        artifact: what is to be vouched for.
        evidence: what was found; of it, pieces of the format `notation` count.
        policy: of `read_policy`.
        roots: of which `stores` (by `ca:name`) and `revoked` are used.
        now: the moment of the judgement, with a time zone.
        bounds: beyond which evidence is refused unread.

    Raises:
        TrustError: the artifact has no digest, or a store or a revocation list is malformed.
    """
    if not artifact.digests:
        raise TrustError("an artifact without a digest cannot be vouched for")
    statement = policy.statement_for(artifact.repository)
    if statement is None:
        what = artifact.repository or "files"
        return Judgement(
            decision=DENIED,
            reasons=(Reason(slug="no-rule", sentence=f"no statement of the trust policy is about {what}"),),
        )
    if statement.level == SKIP:
        skipped = f"the statement {statement.name!r} of the trust policy skips verification"
        reason = Reason(slug="unsafe-accept-anything", sentence=skipped)
        return Judgement(decision=VERIFIED, rule=statement.name, reasons=(reason,))
    return _judged(_court(artifact, statement, roots, now, bounds), evidence)


def _court(artifact: Artifact, statement: Statement, roots: Roots, now: datetime, bounds: Bounds) -> _Court:
    named = {name: data for name, data in roots.stores.items() if name in statement.stores}
    return _Court(
        artifact=artifact,
        statement=statement,
        stores=_notation_stores.read(named),
        lists=_notation_revocation.read(roots.revoked),
        now=now,
        bounds=bounds,
    )


def _judged(court: _Court, evidence: Evidence) -> Judgement:
    pieces = [piece for piece in evidence.pieces if piece.format == "notation"]
    accepted: list[Signature] = []
    refused: list[Reason] = []
    if len(pieces) > court.bounds.pieces:
        beyond = f"only {court.bounds.pieces} of {len(pieces)} signatures were read"
        refused.append(Reason(slug="too-many", sentence=beyond))
    for piece in pieces[: court.bounds.pieces]:
        try:
            accepted.append(_weighed(court, piece))
        except RefusedError as refusal:
            refused.append(Reason(slug=refusal.slug, sentence=refusal.sentence, where=piece.where))
    what = f"the statement {court.statement.name!r} of the trust policy"
    if accepted:
        decision, word = (
            VERIFIED,
            Reason(slug="met", sentence=f"a signature is as {what} asks", where=accepted[0].where),
        )
    else:
        decision = UNKNOWN if evidence.missing else DENIED
        word = Reason(slug="missing", sentence=f"there is no notation signature as {what} asks")
    return Judgement(
        decision=decision,
        rule=court.statement.name,
        reasons=(word,) if accepted else (word, *evidence.missing),
        signatures=tuple(accepted),
        refused=tuple(refused[: court.bounds.reasons]),
    )


def _weighed(court: _Court, piece: Piece) -> Signature:
    """One signature, in the order of the specification; a check that only logs leaves a note."""
    if len(piece.content) > court.bounds.piece_bytes:
        raise RefusedError("too-large", f"more than {court.bounds.piece_bytes} bytes")
    envelope = _notation_envelope.read(piece.content, court.bounds)
    target = _notation_envelope.target(envelope, court.artifact, court.bounds)
    weighing = _Weighing()
    notes = []
    for name, check in _CHECKS.items():
        action = court.statement.actions[name]
        if action == SKIP:
            continue
        try:
            check(court, envelope, weighing)
        except RefusedError as refusal:
            if action == ENFORCE:
                raise RefusedError(refusal.slug, f"{name}: {refusal.sentence}") from None
            notes.append(f"{name} failed, which the trust policy only logs: {refusal.sentence}")
    return signature(piece, envelope, target, weighing.authority, tuple(weighing.moments), tuple(notes))


def _authenticity(court: _Court, envelope: Envelope, weighing: _Weighing) -> None:
    absent = [name for name in court.statement.stores if name not in court.stores]
    if absent:
        raise RefusedError("unknown-name", f"there is no trust store {absent[0]!r}")
    authority = _notation_stores.holding(envelope, court.stores)
    if court.statement.identities is not None:
        subject = _notation_names.of(envelope.chain[0].subject)
        if not any(_notation_names.within(wanted, subject) for wanted in court.statement.identities):
            shown = envelope.chain[0].subject.rfc4514_string()[:200]
            raise RefusedError("wrong-identity", f"it is by {shown}, which is none of the trusted identities")
    weighing.authority = authority


def _expiry(court: _Court, envelope: Envelope, _: _Weighing) -> None:
    _notation_time.unexpired(envelope, court.now)


def _authentic_timestamp(court: _Court, envelope: Envelope, weighing: _Weighing) -> None:
    if envelope.attributes.scheme == AUTHORITY:
        weighing.moments.append(_notation_time.of_authority(envelope, court.now))
        return
    expired = any(court.now > one.not_valid_after_utc for one in envelope.chain)
    asked = any(name.startswith("tsa:") for name in court.statement.stores)
    if not asked or not (expired or court.statement.verify_timestamp == ALWAYS):
        weighing.moments.append(_notation_time.of_clock(envelope, court.now))
        return
    stamping = _notation_stores.stamping(court.stores, court.statement.stores)
    moment = _notation_time.of_timestamp(envelope, stamping, court.now, court.bounds)
    path = _notation_time.stamper(envelope, stamping, moment.at, court.bounds)
    _notation_revocation.check(path, court.lists, court.now, None, must=True)
    weighing.moments.append(moment)


def _revocation(court: _Court, envelope: Envelope, _: _Weighing) -> None:
    attributes = envelope.attributes
    proven = attributes.signed_at if attributes.scheme == AUTHORITY else None
    _notation_revocation.check(envelope.chain, court.lists, court.now, proven, must=True)


_CHECKS: Mapping[str, Callable[[_Court, Envelope, _Weighing], None]] = {
    "authenticity": _authenticity,
    "expiry": _expiry,
    "authenticTimestamp": _authentic_timestamp,
    "revocation": _revocation,
}
