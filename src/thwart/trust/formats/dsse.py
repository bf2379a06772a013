"""DSSE envelopes as they stand: the layers of cosign's `.att` manifests, and files."""

from __future__ import annotations

from collections.abc import Iterable

from thwart.core.trust import Piece, Reason
from thwart.trust import envelopes
from thwart.trust._case import Case, Found, RefusedError, reads
from thwart.trust._values import document
from thwart.trust.envelopes import Envelope
from thwart.trust.keys import Message
from thwart.trust.signer import cosign_material, vouch


@reads("dsse")
def verify(case: Case) -> Iterable[Found]:
    """Envelopes; each of their signatures counts for itself, and the policy counts signers."""
    return case.each(_one)


def _one(case: Case, piece: Piece) -> Iterable[Found]:
    envelope = envelopes.read(document(piece.content, case.bounds, "the envelope"), case.bounds)
    for signature in envelope.signatures:
        try:
            yield from _by(case, piece, envelope, signature)
        except RefusedError as refused:
            yield Reason(slug=refused.slug, sentence=refused.sentence, where=piece.where)


def _by(case: Case, piece: Piece, envelope: Envelope, signature: bytes) -> list[Found]:
    material = cosign_material(
        case,
        piece,
        signature,
        Message(envelope.signed),
        stamped=piece.content,  # cosign asks for a timestamp over the whole envelope
        payload=envelope.payload,
        envelope=piece.content,
    )
    stated = envelopes.statement(envelope, case.artifact, case.bounds)
    return envelopes.found(stated, vouch(case, piece, material, stated.digest, annotations=stated.annotations))
