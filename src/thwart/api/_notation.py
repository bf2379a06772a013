"""Notation's own trust policy and trust store, for those who come with both."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from thwart.api._trusting import read_file
from thwart.core.trust import Artifact, Bounds, Evidence, Judgement, Roots, TrustError
from thwart.trust import notation_policy

_MOST = 1024  # stores, and files in each


class NotationTrusting(NamedTuple):
    """A `trustpolicy.json` and the stores that it names."""

    policy: notation_policy.Policy
    roots: Roots

    def judge(
        self, artifact: Artifact, evidence: Evidence, now: datetime, bounds: Bounds, known: Mapping[str, int]
    ) -> Judgement:
        """See `Trusting.judge`; notation remembers nothing."""
        judgement = notation_policy.judge(artifact, evidence, self.policy, self.roots, now, bounds)
        return replace(judgement, remembered=known)


def from_notation(policy: Path, store: Path, revoked: tuple[Path, ...] = ()) -> NotationTrusting:
    """A policy, and a folder with `x509/ca/NAME/FILE` (or `ca/NAME/FILE`), as notation keeps it.

    Raises:
        TrustError: either cannot be read or is wrong.
    """
    base = store / "x509" if (store / "x509").is_dir() else store
    folders = sorted(
        one for kind in ("ca", "signingAuthority", "tsa") for one in (base / kind).glob("*") if one.is_dir()
    )
    if not folders:
        raise TrustError(f"{store} is no trust store", "it holds x509/ca/NAME/certificate.pem")
    if len(folders) > _MOST:
        raise TrustError(f"{store} holds more than {_MOST} stores")
    stores = {f"{one.parent.name}:{one.name}": _certificates(one) for one in folders}
    lists = {f"{path}": read_file(path) for path in revoked}
    return NotationTrusting(
        notation_policy.read_policy(read_file(policy), str(policy)), Roots(stores=stores, revoked=lists)
    )


def _certificates(folder: Path) -> bytes:
    files = sorted(one for one in folder.iterdir() if one.is_file())
    if len(files) > _MOST:
        raise TrustError(f"{folder} holds more than {_MOST} files")
    return notation_policy.store(f"{folder.parent.name}:{folder.name}", {one.name: read_file(one) for one in files})
