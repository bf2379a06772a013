"""DSSE envelopes (secure-systems-lab/dsse, protocol.md and envelope.md) and the in-toto statements inside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from thwart.core.trust import Artifact, Attestation, Bounds, Signature
from thwart.trust._case import Found, RefusedError
from thwart.trust._values import binary, document, table, tables, text

IN_TOTO = "application/vnd.in-toto+json"
COSIGN_SIGN = "https://sigstore.dev/cosign/sign/v1"
_STATEMENTS = ("https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1")
_STRONG = ("sha256", "sha384", "sha512")


class Envelope(Struct, frozen=True, kw_only=True):
    """A DSSE envelope; `signatures` in their order, key identifiers left out: they are hints that nobody signed."""

    payload_type: str
    payload: bytes
    signatures: tuple[bytes, ...]

    @property
    def signed(self) -> bytes:
        """The pre-authentication encoding, which is what the signatures are over."""
        return pae(self.payload_type, self.payload)


class Statement(Struct, frozen=True, kw_only=True):
    """An in-toto statement (in-toto attestation framework, spec/v1/statement.md) about the artifact."""

    digest: str  # the artifact's, as the matching subject has it
    annotations: Mapping[str, str]
    predicate_type: str
    predicate: Mapping[str, Any]


def pae(payload_type: str, payload: bytes) -> bytes:
    """The pre-authentication encoding (DSSE protocol, "Signature Definition")."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def read(value: Mapping[str, Any], bounds: Bounds) -> Envelope:
    """An envelope of parsed JSON.

    Raises:
        RefusedError: it lacks payload or signatures, or has too many.
    """
    signatures = tables(value, "signatures", bounds.signatures)
    if not signatures or not text(value, "payload"):
        raise RefusedError("malformed", "the envelope lacks its payload or its signatures")
    return Envelope(
        payload_type=text(value, "payloadType"),
        payload=binary(value, "payload"),
        signatures=tuple(binary(one, "sig") for one in signatures),
    )


def statement(envelope: Envelope, artifact: Artifact, bounds: Bounds) -> Statement:
    """The statement in an envelope whose signature was verified, if it is about the artifact.

    Raises:
        RefusedError: it is no statement, or about something else.
    """
    if envelope.payload_type != IN_TOTO:
        raise RefusedError(
            "payload-type", f"the envelope holds {envelope.payload_type[:80]!r}, not an in-toto statement"
        )
    value = document(envelope.payload, bounds, "the statement")
    if text(value, "_type") not in _STATEMENTS:
        raise RefusedError("statement", f"a statement of type {text(value, '_type')[:80]!r} is not known")
    kind = text(value, "predicateType")
    if not kind:
        raise RefusedError("statement", "the statement does not say what it states")
    predicate = value.get("predicate")
    for subject in tables(value, "subject", bounds.subjects):
        digest = _matches(table(subject, "digest"), artifact)
        if digest:
            notes = {name: str(note) for name, note in table(subject, "annotations").items()}
            held = predicate if isinstance(predicate, dict) else {} if predicate is None else {"value": predicate}
            return Statement(digest=digest, annotations=notes, predicate_type=kind, predicate=held)
    raise RefusedError("wrong-digest", "no subject of the statement is this artifact")


def found(stated: Statement, signatures: Sequence[Signature]) -> list[Found]:
    """What cosign 3 writes as a statement is a signature; all else is an attestation."""
    if stated.predicate_type == COSIGN_SIGN:
        return list(signatures)
    return [
        Attestation(signature=one, predicate_type=stated.predicate_type, predicate=stated.predicate)
        for one in signatures
    ]


def _matches(digest: Mapping[str, Any], artifact: Artifact) -> str:
    """The artifact's digest that the subject has too; none where any that both have differs (in-toto, DigestSet)."""
    wanted = dict(one.split(":", 1) for one in artifact.digests if ":" in one)
    both = [name for name in _STRONG if name in wanted and name in digest]
    if not both or any(str(digest[name]).lower() != wanted[name] for name in both):
        return ""
    return f"{both[0]}:{wanted[both[0]]}"
