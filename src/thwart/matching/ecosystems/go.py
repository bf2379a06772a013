"""Go: module paths, and the toolchain that built a binary."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from thwart.matching.ecosystems import Family, family

if TYPE_CHECKING:
    from thwart.core.advisory import Affected
    from thwart.core.package import Package
    from thwart.matching.model import Subject

_TOOLCHAIN = frozenset({"stdlib", "toolchain"})
_PSEUDO = re.compile(r"v0\.0\.0-(?:.*\.)?\d{14}-[0-9a-f]{12}\Z")  # Go modules reference, "pseudo-versions"
_NONE = frozenset({"", "(devel)", "(none)", "unknown", "v0.0.0"})


@family("Go")
class Go(Family):
    """The whole module path with its major version suffix; `stdlib` and `toolchain` are modules too."""

    def version(self, package: Package) -> str:
        """As the module system writes it; a toolchain by its name, `go1.21rc2`.

        `(devel)` is what a build from a checkout states: no version at all. Neither is `v0.0.0`, which `replace`
        directives leave behind.
        """
        version = package.version
        if version in _NONE or version.startswith("devel"):
            return ""
        return f"go{version.removeprefix('go').removeprefix('v')}" if self._is_toolchain(package) else version

    def arch(self, package: Package) -> str:
        """GOARCH of a binary's build settings."""
        return package.arch

    def fits(self, statement: Affected, subject: Subject) -> str:
        """A range in another order than the module's own (`undetermined`) says nothing of versions made from commits."""
        if statement.status == "undetermined" and _PSEUDO.match(subject.keys[0].version):
            return ""
        return super().fits(statement, subject)

    def fix_version(self, package: Package, fixed: str) -> str:
        """Modules with the `v` that `go get` wants, the toolchain without."""
        plain = fixed.removeprefix("v")
        return plain if self._is_toolchain(package) else f"v{plain}"

    def fix_title(self, package: Package, fixed: str) -> str:
        """A binary is mended by building it again."""
        if self._is_toolchain(package):
            return f"rebuild with Go {fixed}"
        return f"upgrade {package.full_name} to {fixed}"

    @staticmethod
    def _is_toolchain(package: Package) -> bool:
        return package.name in _TOOLCHAIN and not package.namespace
