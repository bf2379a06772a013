"""Distributions of apk packages: Alpine, Wolfi, Chainguard, Alpaquita and their kin."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from thwart.matching.ecosystems import Family, family

if TYPE_CHECKING:
    from thwart.core.package import Package

_BRANCH = re.compile(r"(Alpine):v?(\d+\.\d+)(?:[._].*)?\Z")


class Apk(Family):
    """Asks for the origin, then for the package itself: feeds name either."""

    distribution = True

    def names(self, package: Package) -> tuple[tuple[str, str], ...]:
        """Origin and package carry one version: an origin is built as a whole."""
        if not package.version:
            return ()
        version = package.source_version or package.version
        pairs = ((package.source or package.name, version), (package.name, package.version))
        return tuple(dict.fromkeys(pairs))

    def fix_target(self, package: Package) -> str:
        """The origin: what it builds is upgraded together."""
        return package.source or package.name


@family("Alpine")
class Alpine(Apk):
    """Branches `Alpine:v3.20` and `Alpine:edge`."""

    vendor = "Alpine"

    def ecosystems(self, stated: str, known: frozenset[str]) -> tuple[str, ...]:
        """The branch, however the release was written: `Alpine:3.20.1` too."""
        if stated in known:
            return (stated,)
        match = _BRANCH.match(stated)
        return tuple(name for name in (f"Alpine:v{match[2]}", f"Alpine:{match[2]}") if name in known) if match else ()


@family("Wolfi")
class Wolfi(Apk):
    """A rolling distribution: one ecosystem."""

    vendor = "Wolfi"


@family("Chainguard")
class Chainguard(Apk):
    """A rolling distribution: one ecosystem."""

    vendor = "Chainguard"


@family("MinimOS")
class MinimOS(Apk):
    """A rolling distribution: one ecosystem."""

    vendor = "MinimOS"


@family("Alpaquita", "BellSoft Hardened Containers")
class BellSoft(Apk):
    """`Alpaquita:23`, `Alpaquita:stream`; hardened containers have advisories of their own."""

    vendor = "BellSoft"

    def ecosystems(self, stated: str, known: frozenset[str]) -> tuple[str, ...]:
        """The major version: `23` for an image of `23.1`."""
        if stated in known:
            return (stated,)
        major = stated.partition(".")[0]
        return (major,) if major in known else ()
