"""A row of the model as claims ask for it; what was asked once is kept for the other claims."""

from __future__ import annotations

from thwart.network.intents.meaning import Claim
from thwart.network.sides import Cell


class Row:
    """Who reaches a destination."""

    def __init__(self, cells: list[Cell], everyone: int) -> None:
        self._cells = cells
        self._everyone = everyone
        self._known: dict[tuple[int, bool, bool], tuple[int, int]] = {}

    def short(self, mask: int, claim: Claim) -> tuple[int, int]:
        """The sources for which a claim does not hold for certain, and those for which it certainly does not."""
        key = (mask, claim.must, claim.some_port)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._short(mask, claim)
        return found

    def _short(self, mask: int, claim: Claim) -> tuple[int, int]:
        unsure = certain = self._everyone if claim.some_port else 0
        for ports, allow, deny in self._cells:
            if ports & mask:
                good, evil = (allow, deny) if claim.must else (deny, allow)
                if claim.some_port:
                    unsure, certain = unsure & ~good, certain & evil
                else:
                    unsure, certain = unsure | self._everyone & ~good, certain | evil
        return unsure, certain

    def pieces(self, mask: int, source: int, claim: Claim, *, sure: bool) -> int:
        """The pieces of ports on which a claim certainly does not hold for a class of sources, or may not hold."""
        found = 0
        for ports, allow, deny in self._cells:
            good, evil = (allow, deny) if claim.must else (deny, allow)
            if (evil if sure else ~good) >> source & 1:
                found |= ports & mask
        return found
