"""Findings that a comment in the document itself accepts, and comments that accept nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from thwart.core.finding import Diagnostic, Finding, Ignore, Suppressed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from thwart.core.package import Location


class Comments:
    """The comments of one asset. A finding is accepted when each of its places has a comment that names it, with a reason."""

    def __init__(self, stated: Iterable[Ignore]) -> None:
        self._stated = list(stated)
        self._by_place: dict[tuple[str, int], list[Ignore]] = {}
        for one in self._stated:
            self._by_place.setdefault((one.path, one.line), []).append(one)
        self._used: set[Ignore] = set()

    def accept(self, finding: Finding) -> Suppressed | None:
        """The finding set aside, or None."""
        if not self._by_place or not finding.locations:
            return None
        names = {name.casefold() for name in (finding.id, *finding.aliases, *finding.advisories)}
        found = [self._comment(place, names) for place in finding.locations]
        comments = [one for one in found if one is not None]
        self._used.update(comments)
        reasons = [one.reason for one in comments if one.reason]
        if len(reasons) < len(found):
            return None
        return Suppressed(finding=finding, by="inline", reason="; ".join(dict.fromkeys(reasons)))

    def _comment(self, place: Location, names: set[str]) -> Ignore | None:
        stated = self._by_place.get((place.path, place.line), ())
        return next((one for one in stated if any(name.casefold() in names for name in one.ids)), None)

    def diagnostics(self) -> Iterator[Diagnostic]:
        """Comments without a reason, which do not count, and comments that name nothing found on their line."""
        for one in self._stated:
            ids = ", ".join(one.ids) or "nothing"
            if not one.reason:
                message = f"the comment on line {one.line} that ignores {ids} gives no reason, so it does not count"
                yield Diagnostic(slug="invalid-ignore", message=message, path=one.path, incomplete=False)
            elif one not in self._used:
                message = f"the comment on line {one.line} ignores {ids}, of which nothing is found there"
                yield Diagnostic(slug="unused-ignore", message=message, path=one.path, incomplete=False)
