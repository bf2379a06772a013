"""What the ordered tiers do at a side before and after NetworkPolicy, rule by rule."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, groupby

from msgspec import Struct, field

from thwart.network.deciding import Entry, Isolated, cells
from thwart.network.lint._sides import Key, RuleSide
from thwart.network.model import ALLOW, NETWORK, PASS

_Ranked = tuple[Entry, Key]


class Fold(Struct):
    """Of one piece of ports: which rules take which classes before NetworkPolicy is asked, and which rules clash.

    `accepted` and `denied` hold rules with the classes that they surely decide; `clashes` are rules of different policies
    with one priority and different actions, with the classes that both would decide.
    """

    piece: int
    accepted: list[tuple[Key, int]] = field(default_factory=list)
    denied: list[tuple[Key, int]] = field(default_factory=list)
    clashes: list[tuple[Key, Key, int]] = field(default_factory=list)


def folds(side: RuleSide) -> Iterator[Fold]:
    """One for each piece of ports that the rules tell apart."""
    ranked = sorted(
        ((entry, key) for key, entries in side.ranked.items() for entry in entries),
        key=lambda pair: (pair[0].tier, pair[0].rank),
    )
    if not ranked:
        return
    masks = {entry.mask for entry, _ in ranked} | {mask for grants in side.added.values() for mask, _ in grants}
    for piece in cells(masks, side.plane.ports.all):
        here = [pair for pair in ranked if pair[0].mask & piece]
        if here:
            yield _fold(side, piece, here)


def _fold(side: RuleSide, piece: int, ranked: list[_Ranked]) -> Fold:
    fold = Fold(piece)
    undecided = side.plane.everyone
    for tier, entries in groupby(ranked, key=lambda pair: pair[0].tier):
        for earlier, (stopped, _) in side.isolated.items():
            if earlier < tier:
                undecided &= ~stopped
        passed = 0
        for _, same in groupby(entries, key=lambda pair: pair[0].rank[0]):
            firsts = _firsts(list(same), undecided)
            _clashes(firsts, fold)
            for taken in firsts.values():
                for entry, key, bits in taken:
                    if entry.action == PASS:
                        passed |= bits
                    elif tier < NETWORK:
                        (fold.accepted if entry.action == ALLOW else fold.denied).append((key, bits & undecided))
            for taken in firsts.values():
                for _, _, bits in taken:
                    undecided &= ~bits
        undecided |= passed
        undecided &= ~side.isolated.get(tier, Isolated(0, 0)).sure
    return fold


def _firsts(same: list[_Ranked], undecided: int) -> dict[int, list[tuple[Entry, Key, int]]]:
    """For each policy the rules that match first, with the classes that they take."""
    found: dict[int, list[tuple[Entry, Key, int]]] = {}
    for number, entries in groupby(same, key=lambda pair: pair[0].rank[1]):
        left = undecided
        for entry, key in entries:
            if left & entry.sure:
                found.setdefault(number, []).append((entry, key, left & entry.sure))
                left &= ~entry.sure
    return found


def _clashes(firsts: dict[int, list[tuple[Entry, Key, int]]], fold: Fold) -> None:
    for one, other in combinations(firsts.values(), 2):
        for mine, key, bits in one:
            for theirs, other_key, other_bits in other:
                if mine.action != theirs.action and key.origin != other_key.origin and bits & other_bits:
                    fold.clashes.append((key, other_key, bits & other_bits))
