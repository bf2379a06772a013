"""From Docker Content Trust to other signatures: what a Notary repository vouches for, to be signed anew."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

from thwart.core.trust import BOUNDS, Artifact, Evidence, Reason
from thwart.lib.reference import ReferenceError_, check_tag
from thwart.trust import Anchors
from thwart.trust._case import Case, RefusedError
from thwart.trust.formats import dct


class Signing(Struct, frozen=True, kw_only=True):
    """One image to sign: a signature is for a digest, whatever its tags. `size` is the manifest's, in bytes.

    `roles` vouched for it until now: `targets/releases`, `targets`.
    """

    repository: str
    digest: str
    size: int
    tags: tuple[str, ...]
    roles: tuple[str, ...]

    @property
    def reference(self) -> str:
        """The image by its digest: signing a tag could sign what was pushed in between."""
        return f"{self.repository}@{self.digest}"


class Plan(Struct, frozen=True, kw_only=True):
    """What to sign, in the order of digests; `refused` says what is left out and why. Nothing to sign is no success."""

    signings: tuple[Signing, ...]
    refused: tuple[Reason, ...]
    remembered: Mapping[str, int]


def plan(
    repository: str,
    evidence: Evidence,
    anchors: Anchors,
    now: datetime,
    *,
    first_use: bool = False,
    remembered: Mapping[str, int] | None = None,
) -> Plan:
    """Verify a Notary repository, and list every digest for which Docker would accept a tag.

    Args:
        repository: the GUN, with its registry.
        evidence: its files, of `sources._notary`.
        anchors: what is trusted; the pins count.
        now: the moment of the verification, with a time zone.
        first_use: trust a root that nobody pinned. Say so to the user: the new signatures inherit that trust.
        remembered: the last run's.
    """
    before = dict(remembered or {})
    case = Case(
        artifact=Artifact(digests=(), repository=repository),
        pieces=evidence.pieces[: BOUNDS.pieces],
        anchors=anchors,
        now=now,
        bounds=BOUNDS,
        remembered=before,
        learnt=dict(before),
    )
    try:
        vouched, refused = dct.vouched(case, first_use=first_use)
    except RefusedError as no:
        reason = Reason(slug=no.slug, sentence=no.sentence, where=repository)
        return Plan(signings=(), refused=(reason, *evidence.missing), remembered=before)
    images: dict[tuple[str, int], list[dct.Vouched]] = {}
    for one in vouched:
        if _is_tag(one.tag):
            images.setdefault((one.digest, one.size), []).append(one)
        else:
            refused.append(Reason(slug="no-tag", sentence=f"{one.tag[:128]!r} is no tag of an image", where=one.role))
    signings = [
        Signing(
            repository=repository,
            digest=digest,
            size=size,
            tags=tuple(one.tag for one in found),
            roles=tuple(sorted({one.role for one in found})),
        )
        for (digest, size), found in sorted(images.items())
    ]
    return Plan(signings=tuple(signings), refused=(*refused, *evidence.missing), remembered=case.learnt)


def _is_tag(text: str) -> bool:
    """Targets of other uses of Notary are files of any name."""
    try:
        check_tag(text)
    except ReferenceError_:
        return False
    return True
