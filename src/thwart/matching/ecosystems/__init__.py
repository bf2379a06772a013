"""Families of ecosystems: by which names and versions a package is asked for, and how the answers are to be read.

One file per family; a class registers itself under the beginnings of the OSV ecosystem names that it serves.
"""

# ruff: noqa: ARG002 - the defaults ignore what those who override them need

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

from thwart.core.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from thwart.core.advisory import Affected
    from thwart.core.package import Package
    from thwart.matching.model import Subject

_DIGIT = re.compile("[0-9]")

# A distribution's words for the state of a defect without a fix (Debian's and Ubuntu's trackers, Red Hat's CSAF VEX).
# What is not listed is `unfixed`.
_STATES = {
    "end-of-life": "end-of-life",
    "out-of-support-scope": "end-of-life",
    "ignored": "will-not-fix",
    "will-not-fix": "will-not-fix",
    "wont-fix": "will-not-fix",
    "needs-triage": "unknown",
    "in-triage": "unknown",
    "undetermined": "unknown",
    "under-investigation": "unknown",
}
_DOUBT = {"needs-triage": "medium", "in-triage": "medium", "undetermined": "low", "under-investigation": "low"}
_CLEAR = frozenset({"not-affected", "known-not-affected", "does-not-exist", "dne"})


class Family:
    """Language ecosystems; a distribution's family overrides what differs.

    Members are stateless: one instance serves every package.
    """

    distribution = False  # its records cover CVEs, and outrank upstream's on what its package manager installed
    vendor = ""  # who speaks, in words
    one_build = False  # an erratum lists several builds with the fix: any of them will do

    def ecosystems(self, stated: str, known: frozenset[str]) -> tuple[str, ...]:
        """Those ecosystems of the database that speak of a package whose ecosystem is `stated`."""
        return (stated,) if stated in known else ()

    def names(self, package: Package) -> tuple[tuple[str, str], ...]:
        """(name, version) pairs to ask for, the most telling first; none when the package has no version."""
        version = self.version(package)
        return ((package.full_name, version),) if version else ()

    def version(self, package: Package) -> str:
        """The version in the ecosystem's own spelling; empty when there is none to compare.

        A text without a digit is none: `unknown`, `${project.version}`, `dev-main`.
        """
        return package.version if _DIGIT.search(package.version) else ""

    def stream(self, package: Package) -> str:
        """The rpm module stream (see `Subject`)."""
        return ""

    def arch(self, package: Package) -> str:
        """The architecture, where statements are restricted to some."""
        return ""

    def fits(self, statement: Affected, subject: Subject) -> str:
        """Confidence that the statement speaks of the subject at all; empty when it does not."""
        return "" if statement.arches and subject.arch and subject.arch not in statement.arches else "high"

    def paid(self, statement: Affected, fixed: str) -> bool:
        """Whether that fix needs a subscription."""
        return False

    def state(self, status: str) -> str:
        """`Finding.state` of a statement without a fix, from the vendor's word."""
        return _STATES.get(status, "unfixed")

    def doubt(self, status: str) -> str:
        """Confidence that the vendor's own word leaves."""
        return _DOUBT.get(status, "high")

    def clears(self, status: str) -> bool:
        """Whether the vendor's word says that no version is affected."""
        return status in _CLEAR

    def fix_target(self, package: Package) -> str:
        """What is to be upgraded."""
        return package.full_name

    def fix_version(self, package: Package, fixed: str) -> str:
        """The fixed version as the package's users write it."""
        return fixed

    def fix_title(self, package: Package, fixed: str) -> str:
        """The upgrade in one imperative."""
        return f"upgrade {self.fix_target(package)} to {fixed}"


MEMBERS: Registry[Family] = Registry(__name__)

F = TypeVar("F", bound=type[Family])


def family(*names: str) -> Callable[[F], F]:
    """Register one instance of a class under the beginnings (up to the first colon) of OSV ecosystem names."""

    def register(kind: F) -> F:
        member = kind()
        for name in names:
            MEMBERS.add(name, member)
        return kind

    return register
