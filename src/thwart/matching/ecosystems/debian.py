"""Debian: advisories speak of source packages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from thwart.matching.ecosystems import Family, family

if TYPE_CHECKING:
    from thwart.core.package import Package

_REBUILD = re.compile(r"\+b\d+\Z")


@family("Debian", "Echo")
class Debian(Family):
    """Asks for the source package in its source version.

    A binary-only rebuild (`1.2-3+b4`) is the same source: Debian Developer's Reference 5.10.2.1.
    """

    distribution = True
    vendor = "Debian"

    def ecosystems(self, stated: str, known: frozenset[str]) -> tuple[str, ...]:
        """`Debian:12` also for an image that states its point release, `Debian:12.5`."""
        if stated in known:
            return (stated,)
        major = stated.partition(".")[0]
        return (major,) if major in known else ()

    def names(self, package: Package) -> tuple[tuple[str, str], ...]:
        """The source alone: a binary package of the same name can have another source."""
        version = _REBUILD.sub("", package.source_version or package.version)
        return ((package.source or package.name, version),) if version else ()

    def fix_target(self, package: Package) -> str:
        """The source package: its binary packages are upgraded together."""
        return package.source or package.name
