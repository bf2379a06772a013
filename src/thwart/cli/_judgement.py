"""Judgements for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from thwart.cli._screen import plain
from thwart.core.trust import Artifact, Attestation, Judgement, Reason, Signature

SCHEMA = "thwart-verify-v1"


class Judged(NamedTuple):
    """A target and what became of it."""

    target: str
    artifact: Artifact
    judgement: Judgement


def text(judged: Judged) -> str:
    """Who vouches, for what, since when, and why all else did not count."""
    return "\n".join(plain(line) for line in _lines(judged)) + "\n"


def document(judged: Iterable[Judged]) -> str:
    """`thwart-verify-v1`."""
    return json.dumps({"schema": SCHEMA, "results": [_result(one) for one in judged]}, indent=1) + "\n"


def _lines(judged: Judged) -> Iterator[str]:
    judgement = judged.judgement
    yield f"{judgement.decision}: {judged.target}"
    yield f"  {judged.artifact.digests[0]}"
    if judgement.rule:
        yield f"  rule: {judgement.rule}"
    for signature in judgement.signatures:
        yield f"  signed by {_who(signature)} ({signature.format}){_when(signature)}"
        yield from (f"    note: {note}" for note in signature.notes)
    for attestation in judgement.attestations:
        signature = attestation.signature
        yield f"  {attestation.predicate_type} by {_who(signature)} ({signature.format}){_when(signature)}"
    yield from (f"  because {_sentence(reason)}" for reason in judgement.reasons)
    yield from (f"  not counted: {_sentence(reason)}" for reason in judgement.refused)


def _who(signature: Signature) -> str:
    identity = signature.identity
    return f"{identity.subject} of {identity.issuer or signature.authority}" if identity else f"key {signature.key}"


def _when(signature: Signature) -> str:
    proven = [moment for moment in signature.moments if moment.source != "clock"]
    return "".join(f", {moment.at:%Y-%m-%d %H:%M:%SZ} by {moment.by or moment.source}" for moment in proven)


def _sentence(reason: Reason) -> str:
    return f"{reason.sentence} [{reason.slug}]" + (f" at {reason.where}" if reason.where else "")


def _result(judged: Judged) -> dict[str, Any]:
    judgement, artifact = judged.judgement, judged.artifact
    return {
        "target": judged.target,
        "digests": list(artifact.digests),
        "repository": artifact.repository,
        "tag": artifact.tag,
        "decision": judgement.decision,
        "rule": judgement.rule,
        "reasons": [_reason(one) for one in judgement.reasons],
        "signatures": [_signature(one) for one in judgement.signatures],
        "attestations": [_attestation(one) for one in judgement.attestations],
        "refused": [_reason(one) for one in judgement.refused],
    }


def _attestation(attestation: Attestation) -> dict[str, Any]:
    return {
        "predicate_type": attestation.predicate_type,
        "predicate": attestation.predicate,
        "signature": _signature(attestation.signature),
    }


def _signature(signature: Signature) -> dict[str, Any]:
    identity = signature.identity
    return {
        "format": signature.format,
        "where": signature.where,
        "digest": signature.digest,
        "key": signature.key,
        "identity": {"subject": identity.subject, "kind": identity.kind, "issuer": identity.issuer}
        if identity
        else None,
        "authority": signature.authority,
        "moments": [
            {"at": moment.at.isoformat(), "source": moment.source, "by": moment.by} for moment in signature.moments
        ],
        "logs": list(signature.logs),
        "annotations": dict(signature.annotations),
        "reference": signature.reference,
        "notes": list(signature.notes),
    }


def _reason(reason: Reason) -> dict[str, str]:
    return {"slug": reason.slug, "sentence": reason.sentence, "where": reason.where}
