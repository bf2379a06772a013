"""Trust: an artifact, what vouches for it, a policy, roots and a moment in; a verdict with every reason out.

The way of the data, all of it pure::

    anchors = trust.read_roots(roots)                  # keys and certificates, parsed once
    policy = trust.policy.parse(text, "thwart.toml")   # one policy for all formats
    judgement = trust.verify(artifact, evidence, policy, anchors, now)

`Evidence` is a tuple of `Piece`s. The `format` of a piece is the name of a module in `trust/formats`, which is given all
pieces of that format at once and yields `Signature`s and `Attestation`s that are cryptographically right (over this
artifact, by a trusted key or under a trusted authority, at a proven time), and `Reason`s for all others. What the policy
requires is asked of those finds afterwards (`trust/requirements.py`), so that no format knows the policy.

Formats and the pieces that they take:

* `cosign`: `content` is the simple signing payload, `annotations` those of its layer (`dev.cosignproject.cosign/…`);
* `dsse`: a DSSE envelope (a layer of `.att`, or a file), `annotations` as above when it is a layer;
* `bundle`: a Sigstore bundle, v0.1 to v0.3, as a file or as the layer of a referrer;
* `detached`: `content` is a signature over the artifact's bytes (raw or base64), or `cosign sign-blob --bundle`'s JSON;
  `annotations` may hold `dev.sigstore.cosign/certificate`, `/chain`, `/bundle` and `/rfc3161timestamp`.
* `notation`: a Notary Project envelope, JWS or COSE; a policy's authority is then a trust store (`ca:acme`);
* `dct`: a role file of Docker Content Trust, `annotations["role"]` names the role; every version of the root is one piece;
* `tuf`: a metadata file of a TUF repository; `Artifact.tag` is the target's path.

A new format is one module there with `@reads("its-name")`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from thwart.core.trust import (
    BOUNDS,
    DENIED,
    UNKNOWN,
    VERIFIED,
    Artifact,
    Attestation,
    Bounds,
    Evidence,
    Judgement,
    Reason,
    Roots,
    Signature,
    TrustError,
)
from thwart.trust import policy
from thwart.trust._case import FORMATS, Case, Found, RefusedError
from thwart.trust.anchors import Anchors, read_roots
from thwart.trust.requirements import Finds, satisfy

__all__ = ["Anchors", "Roots", "policy", "read_roots", "verify"]


def verify(
    artifact: Artifact,
    evidence: Evidence,
    policy: policy.TrustPolicy,
    anchors: Anchors,
    now: datetime,
    bounds: Bounds = BOUNDS,
    remembered: Mapping[str, int] | None = None,
) -> Judgement:
    """Judge an artifact by the most specific rule for its repository.

    Args:
        artifact: what is to be vouched for; its digests were computed by the caller, from the bytes.
        evidence: whatever was found; nothing in it is believed.
        policy: what is required.
        anchors: what is trusted.
        now: the moment of the judgement, with a time zone.
        bounds: beyond which evidence is refused unread.
        remembered: the last run's `Judgement.remembered`.

    Raises:
        TrustError: the artifact has no digest.
    """
    if not artifact.digests:
        raise TrustError("an artifact without a digest cannot be vouched for")
    rule = policy.rule_for(artifact.repository)
    if rule is None:
        what = artifact.repository or "files"
        reason = Reason(slug="no-rule", sentence=f"no rule of the trust policy is about {what}, so nothing is trusted")
        return Judgement(decision=DENIED, reasons=(reason,), remembered=dict(remembered or {}))
    learnt = dict(remembered or {})
    if rule.reject:
        reason = Reason(slug="rejected", sentence=f"the trust policy rejects everything in {rule.scope}")
        return Judgement(decision=DENIED, rule=rule.scope, reasons=(reason,), remembered=learnt)
    if rule.requirement is None:
        reason = Reason(slug="unsafe-accept-anything", sentence=f"the trust policy asks for nothing in {rule.scope}")
        return Judgement(decision=VERIFIED, rule=rule.scope, reasons=(reason,), remembered=learnt)
    finds, refused = _gather(artifact, evidence, anchors, now, bounds, learnt)
    outcome = satisfy(rule.requirement, finds, anchors, now)
    decision = VERIFIED if outcome.met else UNKNOWN if evidence.missing else DENIED
    reasons = outcome.reasons if outcome.met else (*outcome.reasons, *evidence.missing)
    return Judgement(
        decision=decision,
        rule=rule.scope,
        reasons=_bounded(reasons, bounds),
        signatures=outcome.signatures if outcome.met else (),
        attestations=outcome.attestations if outcome.met else (),
        refused=_bounded((*refused, *outcome.refused), bounds),
        remembered=_earned(remembered or {}, learnt, outcome.signatures if outcome.met else ()),
    )


def _earned(before: Mapping[str, int], learnt: Mapping[str, int], accepted: Iterable[Signature]) -> Mapping[str, int]:
    """What may be remembered: keys that were seen first bind later runs only once a rule accepted them as such.

    Else a policy that forbids trust on first use would make the first stranger's keys those that have to stay.
    """
    mark = " root-key "
    if any(one.first_use for one in accepted):
        return learnt
    new = {name.partition(mark)[0] for name in learnt if mark in name}
    new -= {name.partition(mark)[0] for name in before if mark in name}
    return {name: value for name, value in learnt.items() if not any(name.startswith(f"{one} ") for one in new)}


def _gather(
    artifact: Artifact, evidence: Evidence, anchors: Anchors, now: datetime, bounds: Bounds, learnt: dict[str, int]
) -> tuple[Finds, list[Reason]]:
    """Everything in the evidence that is cryptographically right, and why the rest is not."""
    found: list[Found] = []
    pieces = evidence.pieces[: bounds.pieces]
    if len(evidence.pieces) > bounds.pieces:
        found.append(
            Reason(slug="too-many", sentence=f"only {bounds.pieces} of {len(evidence.pieces)} pieces were read")
        )
    for name in dict.fromkeys(piece.format for piece in pieces):
        format_ = FORMATS.get(name)
        if format_ is None:
            found += [
                Reason(slug="format", sentence=f"evidence of an unknown format, {name[:40]!r}", where=piece.where)
                for piece in pieces
                if piece.format == name
            ]
            continue
        mine = tuple(piece for piece in pieces if piece.format == name)
        small = tuple(piece for piece in mine if len(piece.content) <= bounds.piece_bytes)
        found += [
            Reason(slug="too-large", sentence=f"more than {bounds.piece_bytes} bytes", where=piece.where)
            for piece in mine
            if len(piece.content) > bounds.piece_bytes
        ]
        case = Case(
            artifact=artifact,
            pieces=small,
            anchors=anchors,
            now=now,
            bounds=bounds,
            remembered=dict(learnt),
            learnt=learnt,
        )
        try:
            found += format_(case)
        except RefusedError as refusal:
            found.append(Reason(slug=refusal.slug, sentence=refusal.sentence, where=name))
    finds = Finds(
        signatures=tuple(one for one in found if isinstance(one, Signature)),
        attestations=tuple(one for one in found if isinstance(one, Attestation)),
    )
    return finds, [one for one in found if isinstance(one, Reason)]


def _bounded(reasons: tuple[Reason, ...], bounds: Bounds) -> tuple[Reason, ...]:
    """Each reason once, and not more of them than anybody reads."""
    unique = tuple(dict.fromkeys(reasons))
    if len(unique) <= bounds.reasons:
        return unique
    more = Reason(slug="more", sentence=f"and {len(unique) - bounds.reasons} more reasons")
    return (*unique[: bounds.reasons], more)
