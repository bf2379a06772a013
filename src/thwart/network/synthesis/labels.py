"""Which labels tell pods apart: the fewest and most telling ones that select some pods of a namespace and no others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

from thwart.lib.bitsets import members
from thwart.network.model import NOT_INJECTED
from thwart.network.selectors import Requirement, Selector
from thwart.network.synthesis.asking import Labels

# set by controllers, different for every rollout or replica: a policy that names them breaks with the next one
VOLATILE = frozenset(
    {
        "pod-template-hash",
        NOT_INJECTED,
        "rollouts-pod-template-hash",
        "controller-revision-hash",
        "pod-template-generation",
        "statefulset.kubernetes.io/pod-name",
        "apps.kubernetes.io/pod-index",
        "controller-uid",
        "job-name",
        "batch.kubernetes.io/controller-uid",
        "batch.kubernetes.io/job-name",
        "batch.kubernetes.io/job-completion-index",
        "deployment",  # DeploymentConfig: one for each rollout
    }
)
TELLING = (
    "app.kubernetes.io/name",
    "app",
    "k8s-app",
    "app.kubernetes.io/component",
    "component",
    "app.kubernetes.io/instance",
    "name",
    "role",
    "tier",
    "service",
)
_PASSING = ("version", "chart", "heritage", "managed-by", "revision", "release", "track", "date", "commit", "checksum")
_RANK = {key: 1 + rank / 100 for rank, key in enumerate(TELLING)}
_ORDINARY, _PASSES, _ABSENT, _WITHOUT_TELLING = 2.5, 8.0, 4.0, 3.0
_COMBINED = 12  # labels whose combinations are all tried; beyond, greedily
_NOT_ALONE = 2  # a shared label that covers fewer units says no more than the unit's own


def stable(labels: Mapping[str, str]) -> Labels:
    """The labels that a policy may name."""
    return tuple(sorted((key, value) for key, value in labels.items() if key not in VOLATILE))


def cost(requirement: Requirement) -> float:
    """How gladly a label is named: telling ones first, those that change with each version last."""
    if requirement.operator == "DoesNotExist":
        return _ABSENT
    if requirement.key in _RANK:
        return _RANK[requirement.key]
    name = requirement.key.rpartition("/")[2]
    return _PASSES if name in _PASSING or name.endswith(("-hash", "-version")) else _ORDINARY


class Area:
    """The label sets that are found in one namespace; sets of them are bit sets."""

    def __init__(self, label_sets: Sequence[Labels]) -> None:
        self._sets = label_sets
        self._everything = (1 << len(label_sets)) - 1
        self._valued: dict[tuple[str, str], int] = {}
        self._having: dict[str, int] = {}
        for number, labels in enumerate(label_sets):
            for key, value in labels:
                self._valued[key, value] = self._valued.get((key, value), 0) | 1 << number
                self._having[key] = self._having.get(key, 0) | 1 << number
        self._number = {labels: number for number, labels in enumerate(label_sets)}
        self._own: dict[int, Selector] = {}

    def selectors(self, wanted: Iterable[Labels], *, shared: bool) -> list[Selector]:
        """Selectors that together select the wanted label sets and nothing else of the namespace.

        Args:
            wanted: label sets of this namespace.
            shared: whether a label that several of them share may stand for all of them.
        """
        left = 0
        for labels in wanted:
            left |= 1 << self._number[labels]
        found: list[Selector] = []
        if shared:
            if left == self._everything and len(self._sets) >= _NOT_ALONE:
                return [()]
            found, left = self._shared(left)
        return sorted([*found, *_merged([self.own(number) for number in members(left)])])

    def _shared(self, wanted: int) -> tuple[list[Selector], int]:
        """Labels that only wanted sets have, greedily; and what is left."""
        found: list[Selector] = []
        left = wanted
        atoms = [
            (-cost(Requirement(key, "In", (value,))), key, value, bits)
            for (key, value), bits in self._valued.items()
            if not bits & ~wanted and bits.bit_count() >= _NOT_ALONE
        ]
        while atoms:
            worth, key, value, bits = max(
                atoms, key=lambda atom: ((atom[3] & left).bit_count(), atom[0], atom[1], atom[2])
            )
            if (bits & left).bit_count() < _NOT_ALONE or -worth >= _PASSES:
                break
            found.append((Requirement(key, "In", (value,)),))
            left &= ~bits
        return found, left

    def own(self, number: int) -> Selector:
        """The selector of one label set."""
        selector = self._own.get(number)
        if selector is None:
            selector = self._own[number] = tuple(sorted(self._find(number)))
        return selector

    def _find(self, number: int) -> list[Requirement]:
        target = 1 << number
        atoms = [(Requirement(key, "In", (value,)), self._valued[key, value]) for key, value in self._sets[number]]
        atoms.sort(key=lambda atom: (cost(atom[0]), atom[0]))
        return self._combined(target, atoms[:_COMBINED]) or self._greedy(target, number, atoms)

    def _combined(self, target: int, atoms: list[tuple[Requirement, int]]) -> list[Requirement]:
        """The cheapest exact combination of at most three labels; empty when there is none."""
        telling = any(requirement.key in _RANK for requirement, _ in atoms)
        best: tuple[float, list[Requirement]] | None = None
        for size in (1, 2, 3):
            for chosen in combinations(atoms, size):
                bits = self._everything
                for _, holders in chosen:
                    bits &= holders
                if bits != target:
                    continue
                found = [requirement for requirement, _ in chosen]
                price = sum(map(cost, found))
                if telling and not any(requirement.key in _RANK for requirement in found):
                    price += _WITHOUT_TELLING
                if best is None or price < best[0]:
                    best = price, found
        return best[1] if best else []

    def _greedy(self, target: int, number: int, atoms: list[tuple[Requirement, int]]) -> list[Requirement]:
        """Labels one by one, those that rule most out first; then keys that the others have and this set has not."""
        own = dict(self._sets[number])
        # what the pods are is said even where the others' labels alone would tell
        chosen = atoms[:1] if atoms and atoms[0][0].key in _RANK else []
        left = chosen[0][1] if chosen else self._everything
        pool = list(atoms)
        while left != target and pool:
            best = min(pool, key=lambda atom: ((left & atom[1]).bit_count(), cost(atom[0]), atom[0]))
            if left & best[1] == left:
                break
            chosen.append(best)
            left &= best[1]
        absent = [
            (Requirement(key, "DoesNotExist"), self._everything & ~bits)
            for key, bits in self._having.items()
            if key not in own and bits & left
        ]
        while left != target and absent:
            best = min(absent, key=lambda atom: ((left & atom[1]).bit_count(), atom[0]))
            chosen.append(best)
            left &= best[1]
            absent = [atom for atom in absent if left & ~atom[1]]
        return [requirement for requirement, _ in self._needed(target, chosen)]

    def _needed(self, target: int, chosen: list[tuple[Requirement, int]]) -> list[tuple[Requirement, int]]:
        """Without the labels that the others make superfluous, dearest first; a telling one at the head stays."""
        kept = chosen[:1] if chosen and chosen[0][0].key in _RANK else []
        for atom in sorted(chosen[len(kept) :], key=lambda atom: (-cost(atom[0]), atom[0])):
            rest = [other for other in chosen if other is not atom]
            bits = self._everything
            for _, holders in rest:
                bits &= holders
            if bits == target and rest:
                chosen = rest
        return chosen


def _merged(selectors: list[Selector]) -> list[Selector]:
    """Selectors that differ in the value of one key become one with a list of values: exactly the same pods."""
    found = sorted(set(selectors))
    merging = True
    while merging:
        merging = False
        groups: dict[tuple[str, Selector], list[Selector]] = {}
        for selector in found:
            for one in selector:
                if one.operator == "In":
                    rest = tuple(other for other in selector if other is not one)
                    groups.setdefault((one.key, rest), []).append(selector)
        best = max(groups.items(), key=lambda item: len(item[1]), default=None)
        if best is not None and len(best[1]) > 1:
            (key, rest), parts = best
            values = {value for part in parts for one in part if one.key == key for value in one.values}
            whole = tuple(sorted((*rest, Requirement(key, "In", tuple(sorted(values))))))
            gone = set(parts)
            found = sorted([*(selector for selector in found if selector not in gone), whole])
            merging = True
    return found
