"""Language ecosystems whose names and versions are plain, or nearly so."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from thwart.matching.ecosystems import Family, family

if TYPE_CHECKING:
    from thwart.core.package import Package

_SEPARATORS = re.compile(r"[-_.]+")
_GEM_PLATFORM = re.compile(
    r"-(?:java|jruby|dalvik|(?:x86|x64|x86_64|i[3-6]86|amd64|arm|arm64|armv[5-8]\w*|aarch64|universal|ppc64le|s390x|"
    r"riscv64|powerpc)-[\w.-]+|mswin\w*|mingw\w*)\Z"
)
_LONGEST = 200  # characters: the expression takes quadratic time for what no gem's version looks like
_REVISION = re.compile(r"-\d+\Z")


@family("npm", "crates.io", "Hex", "Pub", "GitHub Actions", "SwiftURL", "ConanCenter", "CRAN", "Hackage", "opam")
class Plain(Family):
    """Names are exact, with the scope where there is one."""


@family("Maven")
class Maven(Family):
    """`group:artifact`, exact; an artifact without a known group finds only a record without one."""


@family("PyPI")
class PyPI(Family):
    """Names normalised as PEP 503 says."""

    def names(self, package: Package) -> tuple[tuple[str, str], ...]:
        """The normalised name, then the stated one."""
        return _spelled(self.version(package), _SEPARATORS.sub("-", package.name).lower(), package.name)


@family("RubyGems")
class RubyGems(Family):
    """A gem built for a platform is the same release: `1.13.0-x86_64-linux` is `1.13.0`."""

    def version(self, package: Package) -> str:
        """Without the platform."""
        version = super().version(package)
        return _GEM_PLATFORM.sub("", version) if len(version) <= _LONGEST else version


@family("Packagist", "NuGet")
class Folding(Family):
    """Names do not depend on case."""

    def names(self, package: Package) -> tuple[tuple[str, str], ...]:
        """In lower case, then as stated."""
        return _spelled(self.version(package), package.full_name.lower(), package.full_name)


@family("Bitnami")
class Bitnami(Family):
    """Components under `/opt/bitnami`; statements speak of upstream's versions, without Bitnami's revision."""

    vendor = "Bitnami"

    def version(self, package: Package) -> str:
        """`6.1.1` of `6.1.1-5`."""
        return _REVISION.sub("", super().version(package))


def _spelled(version: str, *names: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, version) for name in dict.fromkeys(names)) if version else ()
