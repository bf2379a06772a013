"""Signatures over a file's bytes: bare, in base64, or as `cosign sign-blob --bundle` once wrote them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from thwart.core.trust import Piece
from thwart.trust import chain
from thwart.trust._case import Case, Found, RefusedError, reads
from thwart.trust._values import document, from_base64, table, text
from thwart.trust.keys import Message
from thwart.trust.signer import Material, cosign_material, log_entry, vouch

_TEXT = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=\r\n")
_MOST = 1 << 16


@reads("detached")
def verify(case: Case) -> Iterable[Found]:
    """Signatures, each with what came beside it in its annotations."""
    return case.each(_one)


def _one(case: Case, piece: Piece) -> Iterable[Found]:
    digests = {name: bytes.fromhex(value) for name, _, value in (one.partition(":") for one in case.artifact.digests)}
    message = Message(case.artifact.content, digests)
    if piece.content.lstrip()[:1] == b"{":
        material = _from_json(case, piece, document(piece.content, case.bounds, "the bundle"), message)
    else:
        material = cosign_material(case, piece, _bytes(piece.content), message)
    yield from vouch(case, piece, material, case.artifact.digests[0])


def _from_json(case: Case, piece: Piece, value: Mapping[str, Any], message: Message) -> Material:
    signature = from_base64(text(value, "base64Signature"), "the signature")
    if not signature:
        raise RefusedError("malformed", "the file holds no signature")
    material = cosign_material(case, piece, signature, message)
    if text(value, "cert"):
        written = text(value, "cert").encode()
        pem = written if b"-----BEGIN" in written else from_base64(text(value, "cert"), "cert")
        if b"CERTIFICATE" in pem:  # for a bare key cosign writes its public half here
            certificates = chain.load_pem(pem, case.bounds)
            material = replace(material, certificate=certificates[0], others=tuple(certificates[1:]))
    if value.get("rekorBundle"):
        material = replace(material, entries=(log_entry(case, table(value, "rekorBundle")),))
    return material


def _bytes(content: bytes) -> bytes:
    if len(content) > _MOST or not content:
        raise RefusedError("malformed", "the file is no signature")
    if set(content) <= _TEXT:
        return from_base64(content.decode(), "the signature")
    return content
