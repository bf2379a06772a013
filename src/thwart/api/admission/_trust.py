"""The trust policy, as registries' judge: evidence gathered through the pods' own credentials, one judgement out."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from thwart import trust
from thwart.api._trusting import from_file
from thwart.api.admission._images import BUSY, Busy
from thwart.core.trust import UNKNOWN, Artifact, Judgement
from thwart.lib.reference import Reference

if TYPE_CHECKING:
    from thwart.sources.registry import RegistryStore


def judge_by(path: Path) -> Callable[[Reference, str, RegistryStore], Judgement]:
    """Who judges by a policy file. What must not be rolled back is remembered as long as the process lives.

    Raises:
        TrustError: the file, or one that it names, cannot be read or is wrong. The judge: Busy, where a registry that
            asks for patience keeps the evidence to itself.
    """
    trusting = from_file(path)
    remembered: dict[str, int] = {}
    guard = threading.Lock()

    def judge(reference: Reference, digest: str, store: RegistryStore) -> Judgement:
        from thwart.sources.evidence import gather

        repository = f"{reference.registry}/{reference.repository}"
        artifact = Artifact(digests=(digest,), repository=repository, tag=reference.tag)
        evidence = gather(store, digest)
        with guard:
            known = dict(remembered)
        judgement = trust.verify(
            artifact, evidence, trusting.policy, trusting.anchors, datetime.now(UTC), remembered=known
        )
        if judgement.decision == UNKNOWN:
            busy = next((one for one in evidence.missing if one.slug in BUSY), None)
            if busy is not None:
                raise Busy(busy.sentence)
        with guard:
            for name, version in judgement.remembered.items():
                remembered[name] = max(version, remembered.get(name, version))
        return judgement

    return judge
