"""Which rules are about a class: an index from the other end of every rule."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence

from thwart.lib.bitsets import members
from thwart.network.sides import Applied


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
