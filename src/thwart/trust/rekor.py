"""Entries of Rekor: that the log holds them, and that they speak of this signature, key and digest.

Sources: Sigstore client specification, "Transparency Log Entry" and rekor-v2-spec; RFC 6962 for the proofs; the binding
of an entry's body to all three is what GHSA-whqx-f9j3-ch6m and CVE-2022-36056 lacked.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from thwart.core.trust import Moment
from thwart.lib import merkle, signed_note
from thwart.trust._case import RefusedError
from thwart.trust._values import binary, from_base64, number, since_epoch, table, text
from thwart.trust.anchors import Log
from thwart.trust.keys import Message

_STAMPED = frozenset(
    {("hashedrekord", "0.0.1"), ("dsse", "0.0.1"), ("intoto", "0.0.1"), ("intoto", "0.0.2"), ("rekord", "0.0.1")}
)


class Proof(Struct, frozen=True, kw_only=True):
    """An inclusion proof with the checkpoint that it leads to; `checkpoint` is empty in the oldest bundles."""

    index: int
    size: int
    root: bytes
    hashes: tuple[bytes, ...]
    checkpoint: str


class Entry(Struct, frozen=True, kw_only=True):
    """One entry. `index` is the global one that the promise signs; `time` is when the log says it took the entry in."""

    body: bytes
    log_id: bytes
    index: int
    kind: str
    version: str
    time: int | None = None
    promise: bytes = b""
    proof: Proof | None = None


def of_bundle(one: Mapping[str, Any]) -> Entry:
    """An entry as Sigstore bundles hold it (sigstore_rekor.proto, TransparencyLogEntry)."""
    kind = table(one, "kindVersion")
    return Entry(
        body=binary(one, "canonicalizedBody"),
        log_id=binary(table(one, "logId"), "keyId"),
        index=number(one, "logIndex") or 0,
        kind=text(kind, "kind"),
        version=text(kind, "version"),
        time=number(one, "integratedTime"),
        promise=binary(table(one, "inclusionPromise"), "signedEntryTimestamp"),
        proof=_proof(table(one, "inclusionProof")) if one.get("inclusionProof") else None,
    )


def of_cosign(value: Mapping[str, Any], body_of: Mapping[str, Any] | None = None) -> Entry:
    """An entry as cosign's annotation `dev.sigstore.cosign/bundle` holds it. `body_of` is the parsed body."""
    payload = table(value, "Payload")
    body = binary(payload, "body")
    stated = body_of or {}
    try:
        log_id = bytes.fromhex(text(payload, "logID"))
    except ValueError:
        raise RefusedError("malformed", "logID is not hexadecimal") from None
    return Entry(
        body=body,
        log_id=log_id,
        index=number(payload, "logIndex") or 0,
        kind=text(stated, "kind"),
        version=text(stated, "apiVersion"),
        time=number(payload, "integratedTime"),
        promise=binary(value, "SignedEntryTimestamp"),
    )


def log_of(entry: Entry, logs: Iterable[Log]) -> Log | None:
    """The trusted log that the entry claims to be of."""
    return next((log for log in logs if log.id == entry.log_id), None)


def verify(entry: Entry, log: Log) -> Moment | None:
    """Check that the log holds the entry: by its promise, by a proof, or, where both are given, by both.

    Returns:
        when the log took it in, if it promised that (Rekor v2 does not: it has no clock that anybody signs).

    Raises:
        RefusedError: nothing of it is proven, or anything of it is wrong.
    """
    moment = _promise(entry, log) if entry.promise and entry.time else None
    if entry.proof is not None and entry.proof.checkpoint:
        _included(entry, entry.proof, log)
    elif moment is None:
        raise RefusedError("log", f"neither a promise nor a proof shows that {log.name} holds the entry")
    return moment


def in_window(log: Log, moments: Iterable[datetime]) -> None:
    """Whether the log was trusted at these times.

    Raises:
        RefusedError: it was not.
    """
    for at in moments:
        if not log.window.covers(at):
            raise RefusedError("log", f"{log.name} was not trusted at {at:%Y-%m-%d %H:%M:%S}")


def _promise(entry: Entry, log: Log) -> Moment:
    """The signed entry timestamp, over canonical JSON (RFC 8785; all strings here are ASCII)."""
    import base64

    if (entry.kind, entry.version) not in _STAMPED:
        raise RefusedError("log", f"an entry of kind {entry.kind[:20]} {entry.version[:10]} has no promised time")
    signed = {
        "body": base64.b64encode(entry.body).decode(),
        "integratedTime": entry.time,
        "logID": entry.log_id.hex(),
        "logIndex": entry.index,
    }
    if not log.key.verifies(entry.promise, Message(json.dumps(signed, sort_keys=True, separators=(",", ":")).encode())):
        raise RefusedError("log", f"the promise that {log.name} holds the entry is not signed by it")
    return Moment(at=since_epoch(entry.time or 0), source="log", by=log.name)


def _included(entry: Entry, proof: Proof, log: Log) -> None:
    try:
        merkle.verify_inclusion(proof.index, proof.size, merkle.leaf_hash(entry.body), proof.hashes, proof.root)
        note = signed_note.parse(proof.checkpoint)
        state = signed_note.checkpoint(note)
    except (merkle.ProofError, signed_note.NoteError) as error:
        raise RefusedError("log", f"the proof of inclusion fails: {error}") from None
    if state.root != proof.root or state.size != proof.size:
        raise RefusedError("log", "the proof of inclusion is for another state of the log than its checkpoint")
    claims = list(note.signatures_by(log.id))
    if not claims:
        raise RefusedError("log", f"the checkpoint is not signed by {log.name}")
    for claim in claims:
        if state.origin != claim.name and not state.origin.startswith(claim.name + " - "):
            raise RefusedError("log", "the checkpoint is signed for another log than it names")
        if not log.key.verifies(claim.signature, Message(note.text.encode())):
            raise RefusedError("log", f"the checkpoint's signature is not of {log.name}")


def _proof(value: Mapping[str, Any]) -> Proof:
    hashes = value.get("hashes") or []
    if not isinstance(hashes, list) or len(hashes) > 64 or not all(isinstance(one, str) for one in hashes):
        raise RefusedError("malformed", "hashes of the proof are no list, or more than any tree needs")
    return Proof(
        index=number(value, "logIndex") or 0,
        size=number(value, "treeSize") or 0,
        root=binary(value, "rootHash"),
        hashes=tuple(from_base64(one, "a hash of the proof") for one in hashes),
        checkpoint=text(table(value, "checkpoint"), "envelope"),
    )
