"""Ubuntu: source packages, with fixes that need a subscription told apart."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from thwart.matching.ecosystems import family
from thwart.matching.ecosystems.debian import Debian

if TYPE_CHECKING:
    from thwart.core.advisory import Affected
    from thwart.matching.model import Subject

_RELEASE = re.compile(r"Ubuntu:(?:Pro:)?(\d+\.\d+)(?::LTS)?\Z")


@family("Ubuntu")
class Ubuntu(Debian):
    """As Debian; statements of Ubuntu Pro (ESM) apply beside those of the release."""

    vendor = "Ubuntu"

    def ecosystems(self, stated: str, known: frozenset[str]) -> tuple[str, ...]:
        """The release and its Pro archive, with or without the suffix `:LTS`.

        Not FIPS archives: their versions are other builds, and nothing on an image says that it is meant for them
        but the versions themselves.
        """
        match = _RELEASE.match(stated)
        if match is None:
            return (stated,) if stated in known else ()
        number = match[1]
        spellings = (f"Ubuntu:{number}", f"Ubuntu:{number}:LTS", f"Ubuntu:Pro:{number}", f"Ubuntu:Pro:{number}:LTS")
        return tuple(name for name in spellings if name in known)

    def fits(self, statement: Affected, subject: Subject) -> str:
        """Statements on further archives of Pro (FIPS, real-time kernels) speak of builds of their own."""
        return super().fits(statement, subject) if statement.channel in ("", "pro") else ""

    def paid(self, statement: Affected, fixed: str) -> bool:
        """Whether the version is in Ubuntu Pro's archives only.

        Statements on Pro cover the whole archive, and repeat fixes that everybody got; what was built for Pro says
        `esm` in its version.
        """
        pro = statement.channel == "pro" or statement.ecosystem.startswith("Ubuntu:Pro:")
        return pro and "esm" in fixed

    def state(self, status: str) -> str:
        """`ignored (end of standard support)` is no decision on the defect."""
        word, _, why = status.partition(" ")
        if word == "ignored" and "end of" in why:
            return "end-of-life"
        return super().state(word)
