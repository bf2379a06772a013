"""What a distribution's word does to findings: it outranks upstream's on what its package manager installed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from thwart.core.ecosystems import SYSTEM_TYPES
from thwart.core.finding import Finding, Suppressed
from thwart.core.vex import AFFECTED, FIXED, NOT_AFFECTED, UNDER_INVESTIGATION
from thwart.matching.judge import Desk, covering

if TYPE_CHECKING:
    from collections.abc import Iterable

    from thwart.core.package import Package
    from thwart.matching.model import Reading, Subject

# Kernel sources that are no running kernel: headers, documentation, sources, build trees.
_KERNEL_TEXT = re.compile(
    r"linux(?:-[\w.+~]+)*?-(?:headers|libc-dev|doc|source|kbuild|buildinfo|compiler-gcc)(?:-[\w.+~-]+)?"
    r"|kernel(?:-\w+)*?-(?:headers|devel|doc|srpm-macros|devel-matched)|kernel-(?:headers|devel|doc|source)"
)
_LONGEST = 200  # characters: the expression takes quadratic time for names that no kernel package has
_KERNEL_SOURCE = re.compile(r"(?:linux|kernel)(?:-.*)?")


def kernel_text(package: Package) -> bool:
    """Whether a package comes from the kernel's source but holds no kernel: `linux-libc-dev`, `kernel-headers`."""
    if len(package.name) > _LONGEST or package.type not in SYSTEM_TYPES:
        return False
    if not _KERNEL_SOURCE.fullmatch(package.source or package.name):
        return False
    return _KERNEL_TEXT.fullmatch(package.name) is not None


class Installed:
    """The packages that the distribution's package manager installed and for which the database has advisories."""

    def __init__(self, desk: Desk, judged: Iterable[tuple[Package, Subject]]) -> None:
        self._desk = desk
        self._owners: dict[str, tuple[Package, Subject]] = {}
        self._said: dict[Subject, dict[str, list[Reading]]] = {}
        self.silent: set[str] = set()  # owners of which a database that knows only a part says nothing at all
        for package, subject in judged:
            if package.type in SYSTEM_TYPES:
                self._owners.setdefault(package.name, (package, subject))

    def outranks(self, package: Package, finding: Finding) -> Suppressed | None:
        """The finding set aside when one of these packages installed it; None when nobody speaks for its owner."""
        if not package.owner or package.type in SYSTEM_TYPES:
            return None
        found = self._owners.get(package.owner)
        if found is None:
            return None
        reason, status = self._reason(*found, finding)
        return Suppressed(finding=finding, by="distribution", reason=reason, status=status)

    def _reason(self, owner: Package, subject: Subject, finding: Finding) -> tuple[str, str]:
        """Why, and what that is in VEX's words: silence is no statement."""
        family = self._desk.family(subject.family)
        start = f"installed by {owner.type} {owner.name}"
        readings = self._readings(subject, finding)
        if any(reading.hit for reading in readings):
            return f"{start}, for which {family.vendor} reports it", AFFECTED
        if any(family.clears(reading.statement.status) for reading in readings):
            return f"{start}, which {family.vendor} says is not affected", NOT_AFFECTED
        if any(reading.cleared for reading in readings):
            return f"{start}, in which {family.vendor} has fixed it", FIXED
        if self._unheard(subject):
            self.silent.add(owner.name)
            silence = f"{start}, whose advisories decide, but of which the {family.vendor} data here says nothing"
            return silence, UNDER_INVESTIGATION
        return f"{start}, whose advisories decide: {family.vendor} lists none for this version", UNDER_INVESTIGATION

    def _unheard(self, subject: Subject) -> bool:
        partial = any(self._desk.knowledge.partial(key.ecosystem) for key in subject.keys)
        return partial and not self._desk.judge(subject).readings

    def _readings(self, subject: Subject, finding: Finding) -> list[Reading]:
        if subject not in self._said:
            self._said[subject] = covering(self._desk, self._desk.judge(subject).readings)
        said = self._said[subject]
        return [reading for name in (finding.id, *finding.aliases) for reading in said.get(name, ())]
