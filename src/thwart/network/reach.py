"""Which rules are about a class: an index from the other end of every rule."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from thwart.lib.bitsets import members
from thwart.network.sides import Applied


class Sum(NamedTuple):
    """Rules of equal peers and ports: one of them, and the classes that their policies select, or may."""

    example: Applied
    subjects: int
    perhaps: int


def _summed(rules: Iterable[Applied], subjects: Sequence[int], perhaps: Sequence[int]) -> list[Sum]:
    found: dict[object, Sum] = {}
    for applied in rules:
        here, maybe = subjects[applied.number], perhaps[applied.number]
        alike = applied.adds and not maybe and not applied.perhaps
        key: object = (applied.policy.layer, applied.rule.ports) if alike else id(applied)
        before = found.get(key)
        found[key] = Sum(applied, before.subjects | here, 0) if before else Sum(applied, here, maybe)
    return list(found.values())


class Reach:
    """For each class the rules whose peers hold it, or may. Rules of equal peers are found together.

    Attributes:
        groups: for each class the numbers of its groups of rules; equal tuples mean equal rules.
    """

    def __init__(self, rules: Iterable[Iterable[Applied]], everyone: int, size: int) -> None:
        self._everyone = everyone
        self._everywhere: list[Applied] = []  # rules about everyone are kept aside
        self._rules: list[list[Applied]] = []
        self._numbers: dict[int, int] = {}
        for several in rules:
            for applied in several:
                self._file(applied)
        found: list[list[int]] = [[] for _ in range(size)]
        for who, number in self._numbers.items():
            for one in members(who):
                found[one].append(number)
        self.groups = [tuple(numbers) for numbers in found]
        self._sums: dict[int, list[Sum]] = {}

    def _file(self, applied: Applied) -> int:
        """Put a rule with those of its peers; the classes of a group that is new, for the caller to tell."""
        who = applied.sure | applied.perhaps
        if who == self._everyone:
            self._everywhere.append(applied)
        elif who:
            number = self._numbers.setdefault(who, len(self._rules))
            if number == len(self._rules):
                self._rules.append([applied])
                return who
            self._rules[number].append(applied)
        return 0

    def about(self, one: int) -> Iterator[list[Applied]]:
        """The rules about a class, in groups."""
        yield self._everywhere
        for number in self.groups[one]:
            yield self._rules[number]

    def sums(self, one: int, subjects: Sequence[int], perhaps: Sequence[int]) -> Iterator[Sum]:
        """The rules about a class; those that only add up are one where their peers and ports are equal.

        `subjects` and `perhaps` are the classes that each policy selects, or may.
        """
        for number in (-1, *self.groups[one]):
            found = self._sums.get(number)
            if found is None:
                rules = self._rules[number] if number >= 0 else self._everywhere
                found = self._sums[number] = _summed(rules, subjects, perhaps)
            yield from found

    def doubtful(self, one: int) -> bool:
        """Whether a rule may or may not be about the class: what holds for it holds for no one else."""
        bit = 1 << one
        return any(applied.perhaps & bit for rules in self.about(one) for applied in rules)

    def replaced(self, old: Sequence[Applied], new: Sequence[Applied]) -> Reach:
        """The same with some rules in place of others. What is not touched is shared."""
        made = copy.copy(self)
        made.exchange(old, new)
        return made

    def exchange(self, old: Sequence[Applied], new: Sequence[Applied]) -> None:
        """Put rules in place of others; lists that a copy may share are replaced, never changed."""
        stale = {self._numbers.get(applied.sure | applied.perhaps, -1) for applied in (*old, *new)} | {-1}
        self._sums = {number: found for number, found in self._sums.items() if number not in stale}
        self._everywhere = [applied for applied in self._everywhere if applied not in old]
        self._rules = list(self._rules)
        self._numbers = dict(self._numbers)
        self.groups = list(self.groups)
        for who in {applied.sure | applied.perhaps for applied in old} & self._numbers.keys():
            number = self._numbers[who]
            self._rules[number] = [one for one in self._rules[number] if one not in old]
        for applied in new:
            number = self._numbers.get(applied.sure | applied.perhaps, -1)
            if number >= 0:
                self._rules[number] = list(self._rules[number])
            for one in members(self._file(applied)):
                self.groups[one] = (*self.groups[one], len(self._rules) - 1)
