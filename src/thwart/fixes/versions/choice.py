"""Which version to go to: the smallest that closes everything and brings nothing, as far as is known."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct

from thwart.core.finding import Finding
from thwart.core.upgrades import SCHEMES, risk
from thwart.lib import versions

_TRIES = 64
# builds of one Maven version for several platforms: advisories name one of them
_BUILD = re.compile(r"[-.](?:jre[0-9]*|jdk[0-9]*|android)$")


class Choice(Struct, frozen=True, kw_only=True):
    """A version, the findings that it closes and those with a fix that it does not; no version where none is any good.

    `reason` says why there is none.
    """

    version: str = ""
    closed: tuple[Finding, ...] = ()
    left: tuple[Finding, ...] = ()
    reason: str = ""


def choose(
    wanted: Sequence[Finding],
    known: Iterable[str],
    judge: Callable[[str], Sequence[Finding]],
    allowed: Callable[[str], bool],
) -> Choice:
    """The version to go to.

    Of the versions that the findings name as fixed, and those that their own findings name: the smallest that closes all,
    else the one that leaves the least risk. One that has a defect which the present version has not is never chosen.

    Args:
        wanted: findings of one package to close, each with a version that fixes it.
        known: ids of all that the present version has, also what is accepted.
        judge: what is known of another version of the package.
        allowed: whether a version may be gone to at all.
    """
    package = wanted[0].package
    scheme = SCHEMES.get(package.type, "") if package else ""
    here = {*known, *_names(wanted)}
    present = package.version if package else ""
    waiting = _stated(scheme, present, present, wanted)
    best, best_left, tried, reason = Choice(), 0.0, set[str](), ""
    while waiting and len(tried) < _TRIES:
        version = min(waiting, key=lambda one: versions.key(scheme, one))
        waiting.discard(version)
        tried.add(version)
        if not allowed(version):
            continue
        found = judge(version)
        waiting |= _stated(scheme, present, version, found) - tried
        brought = [one for one in found if one.kind == "vulnerability" and not here & _names([one])]
        if brought:
            reason = f"{version} has {brought[0].id}"
            continue
        still = _names(found)
        left = tuple(one for one in wanted if _names([one]) & still)
        closed = tuple(one for one in wanted if not _names([one]) & still)
        if not left:
            return Choice(version=version, closed=closed)
        if closed and (not best.version or risk(left) < best_left):
            best, best_left = Choice(version=version, closed=closed, left=left), risk(left)
    return best if best.version else Choice(left=tuple(wanted), reason=reason)


def _names(findings: Iterable[Finding]) -> set[str]:
    return {name for one in findings for name in (one.id, *one.aliases)}


def _stated(scheme: str, present: str, version: str, findings: Iterable[Finding]) -> set[str]:
    """The versions above one that findings name; what cannot be ordered is left out."""
    higher = set()
    for one in findings:
        stated = _alike(scheme, present, one.fix.version) if one.fix and one.fix.version else ""
        try:
            if stated and versions.compare(scheme, stated, version) > 0:
                higher.add(stated)
        except versions.VersionError:
            continue
    return higher


def _alike(scheme: str, present: str, stated: str) -> str:
    """The build of a version for the platform of the present one: `32.0.0-jre` of `32.0.0-android`."""
    ours = _BUILD.search(present) if scheme == "maven" else None
    return _BUILD.sub("", stated) + ours[0] if ours else stated
