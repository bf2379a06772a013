"""DSSE envelopes as they stand: the layers of cosign's `.att` manifests, and files."""

from __future__ import annotations

from collections.abc import Iterable

from thwart.core.trust import Piece, Reason
from thwart.trust import envelopes
from thwart.trust._case import Case, Found, RefusedError, reads
from thwart.trust._values import document
from thwart.trust.envelopes import Envelope, Statement
from thwart.trust.keys import Message
from thwart.trust.signer import cosign_material, vouch


@reads("dsse")
def verify(case: Case) -> Iterable[Found]:
    """Envelopes; each of their signatures counts for itself, and the policy counts signers."""
    return case.each(_one)


def _one(case: Case, piece: Piece) -> Iterable[Found]:
    envelope = envelopes.read(document(piece.content, case.bounds, "the envelope"), case.bounds)
    stated = envelopes.statement(envelope, case.artifact, case.bounds)
    message = Message(envelope.signed)
    for signature in envelope.signatures:
        try:
            yield from _by(case, piece, envelope, stated, message, signature)
        except RefusedError as refused:
            yield Reason(slug=refused.slug, sentence=refused.sentence, where=piece.where)


def _by(
    case: Case, piece: Piece, envelope: Envelope, stated: Statement, message: Message, signature: bytes
) -> list[Found]:
    material = cosign_material(
        case,
        piece,
        signature,
        message,
        stamped=piece.content,  # cosign asks for a timestamp over the whole envelope
        payload=envelope.payload,
        envelope=piece.content,
    )
    return envelopes.found(stated, vouch(case, piece, material, stated.digest, annotations=stated.annotations))
