"""cosign's first layout: a simple signing payload and a signature over it (cosign, specs/SIGNATURE_SPEC.md)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from thwart.core.trust import Artifact, Piece
from thwart.trust._case import Case, Found, RefusedError, reads
from thwart.trust._values import document, from_base64, table, text
from thwart.trust.keys import Message
from thwart.trust.signer import cosign_material, vouch

_SIGNATURE = "dev.cosignproject.cosign/signature"
_TYPE = "cosign container image signature"


@reads("cosign")
def verify(case: Case) -> Iterable[Found]:
    """Payloads, each with its signature in its annotations."""
    return case.each(_one)


def _one(case: Case, piece: Piece) -> Iterable[Found]:
    stated = piece.annotations.get(_SIGNATURE, "")
    if not stated:
        raise RefusedError("signature", "the payload has no signature")
    signature = from_base64(stated, "the signature")
    material = cosign_material(case, piece, signature, Message(piece.content))
    payload = document(piece.content, case.bounds, "the payload")
    digest = _digest(table(payload, "critical"), case.artifact)  # a payload for another image needs no cryptography
    yield from vouch(
        case,
        piece,
        material,
        digest,
        annotations=_claims(table(payload, "optional")),
        reference=text(table(table(payload, "critical"), "identity"), "docker-reference"),
    )


def _digest(critical: Mapping[str, Any], artifact: Artifact) -> str:
    if text(critical, "type") != _TYPE:
        raise RefusedError("payload-type", f"the payload is of type {text(critical, 'type')[:60]!r}")
    digest = text(table(critical, "image"), "docker-manifest-digest")
    if digest not in artifact.digests:
        raise RefusedError("wrong-digest", f"the payload is for {digest[:90]!r}, not for this artifact")
    return digest


def _claims(optional: Mapping[str, Any]) -> dict[str, str]:
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in optional.items()}
