"""One finding of a check."""

from __future__ import annotations

from msgspec import Struct

from thwart.core.advisory import Severity


class Place(Struct, frozen=True):
    """Where something stands; line 0 is the whole file, no path is in no file. `what` is the object."""

    what: str
    path: str = ""
    line: int = 0

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}" if self.line else self.path
        return f"{self.what} ({where})" if where else self.what


class Finding(Struct, frozen=True, kw_only=True):
    """What is wrong, where, and what to do.

    `others` are further places that belong to it (the rules that cover a redundant one); `example` is one flow that
    shows it, in words; `snippet` is YAML to add.
    """

    check: str
    severity: Severity
    sentence: str
    fix: str
    place: Place
    others: tuple[Place, ...] = ()
    example: str = ""
    snippet: str = ""

    @property
    def what(self) -> str:
        """The object that it is about."""
        return self.place.what
