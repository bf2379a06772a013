"""Words that were probably meant: near an unknown one by edit distance."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that is nearest, if it is near enough to be a slip; else an empty text.

    Near is one edit in up to four letters, two in up to nine, three beyond: an edit inserts, drops or changes a letter
    or swaps two neighbours (optimal string alignment). The first in the alphabet wins among equals.
    """
    allowed = 1 if len(word) <= 4 else 2 if len(word) <= 9 else 3
    if len(word) < 2:
        return ""
    best, found = allowed + 1, ""
    for other in sorted(set(known)):
        if other and other != word and abs(len(other) - len(word)) < best:
            distance = _distance(word, other, best)
            if distance < best and distance < len(other):
                best, found = distance, other
    return found


def _distance(here: str, there: str, bound: int) -> int:
    """The distance, or something not below the bound."""
    before: list[int] = []
    row = list(range(len(there) + 1))
    for i, left in enumerate(here, start=1):
        older, before, row = before, row, [i]
        for j, right in enumerate(there, start=1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (left != right))
            if i > 1 and j > 1 and left == there[j - 2] and here[i - 2] == right:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
        if min(row) >= bound:
            return bound
    return row[-1]
