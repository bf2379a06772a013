"""What a change of manifests opens and closes: two worlds compared as sets of flows, not as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from thwart.lib.bitsets import members, pack
from thwart.network._comparing_cuts import cut_alike
from thwart.network._comparing_rows import Piece, Shift, State, View, profiles, reaching, shifts, standing
from thwart.network._comparing_touched import touched
from thwart.network._comparing_units import ADDED, BOTH, NODE, OUT, REMOVED, Joint, joint_classes
from thwart.network.engine import Model
from thwart.network.model import World
from thwart.network.ports import Ports

OPENED, CLOSED, CHANGED, UNKNOWN, KNOWN = "opened", "closed", "changed", "unknown", "known"


class Change(Struct, frozen=True, kw_only=True):
    """Connections between every source and every destination (sets of joint classes) that are not what they were.

    `stands` says whether both ends are in both worlds, or one was added or removed.
    """

    sources: int
    destinations: int
    before: State
    after: State
    stands: str = BOTH

    @property
    def kind(self) -> str:
        """Opened, closed, changed (in its ports), became unknown, or became known."""
        if self.after.unknown & ~self.before.unknown:
            return UNKNOWN
        if self.before.unknown & ~self.after.unknown:
            return KNOWN
        if bool(self.before.allow) is bool(self.after.allow):
            return CHANGED
        return OPENED if self.after.allow else CLOSED


class Comparison(Struct, frozen=True, kw_only=True):
    """Two worlds compared: their models, joint classes and ports, and what differs between them.

    Both models may hold one policy without a name, that selects nobody.
    """

    old: Model
    new: Model
    joints: tuple[Joint, ...]
    ports: Ports
    changes: tuple[Change, ...]

    @property
    def same(self) -> bool:
        """Whether whoever is in both worlds reaches whom it reached, and nobody came or went."""
        return not self.changes and not any(one.what != OUT and one.stands != BOTH for one in self.joints)

    def of(self, stands: str, kind: str = "") -> list[Change]:
        """The changes between those who are in both worlds, or with those who were added or removed."""
        return [one for one in self.changes if one.stands == stands and kind in ("", one.kind)]

    def names(self, stands: str) -> list[str]:
        """The workloads and nodes that were added or removed."""
        found = (unit.label for one in self.joints if one.stands == stands for unit in one.units)
        return sorted(found)

    def pairs(self, change: Change) -> int:
        """How many pairs of workloads and nodes a change is about; all addresses outside are one of each pair."""
        here, there = self._count(change.sources), self._count(change.destinations)
        own = 0
        for number in members(change.sources & change.destinations):
            one = self.joints[number]
            own += sum(unit.lonely(after=True) or unit.lonely(after=False) for unit in one.units)
        return here * there - own

    def _count(self, bits: int) -> int:
        found = [self.joints[number] for number in members(bits)]
        return sum(len(one.units) for one in found) + any(one.what == OUT for one in found)


def compare(old: World, new: World) -> Comparison:
    """What differs between two worlds.

    Workloads are the same if they have the same namespace, kind and name; pods of one workload if their names are the
    same, else all of them together. Flows between two addresses outside, and of added or removed nodes, are left out.
    """
    before, after = map(Model, cut_alike(old, new))
    joints = tuple(joint_classes(before, after))
    policies = (*before.world.policies, *after.world.policies)
    ports = Ports(policies, (*before.classes, *after.classes))
    views = View(before, joints, ports, after=False), View(after, joints, ports, after=True)
    classes = touched(before, after)
    looked = None if classes is None else views[0].spread(classes) | views[1].spread(classes)
    found = _Differences(*views, joints, looked).changes()
    return Comparison(old=before, new=after, joints=joints, ports=ports, changes=tuple(found))


class _Differences:
    """Walks over all destinations."""

    def __init__(self, old: View, new: View, joints: Sequence[Joint], looked: int | None) -> None:
        self._old, self._new, self._joints = old, new, joints
        size = len(joints)
        self._looked = (1 << size) - 1 if looked is None else looked
        self._stands = {word: standing(joints, word) for word in (BOTH, ADDED, REMOVED)}
        self._outside = pack((number for number, one in enumerate(joints) if one.what == OUT), size)
        nodes = pack((number for number, one in enumerate(joints) if one.what == NODE), size)
        self._counted = ((1 << size) - 1) & ~(nodes & ~self._stands[BOTH])

    def changes(self) -> list[Change]:
        """All of them: those between who is in both worlds first, in the order of destinations."""
        merged: dict[tuple[str, State, State, int], int] = {}
        for destination, stands, (sources, before, after) in self._all():
            key = (stands, before, after, sources)
            merged[key] = merged.get(key, 0) | 1 << destination
        turned: dict[tuple[str, State, State, int], int] = {}
        for (stands, before, after, sources), there in merged.items():
            key = (stands, before, after, there)
            turned[key] = turned.get(key, 0) | sources
        made = [
            Change(sources=here, destinations=there, before=before, after=after, stands=stands)
            for (stands, before, after, there), here in turned.items()
        ]
        order = (BOTH, ADDED, REMOVED)
        return sorted(made, key=lambda c: (order.index(c.stands), _low(c.destinations), _low(c.sources), c.after))

    def _all(self) -> Iterator[tuple[int, str, Shift]]:
        for destination in members(self._counted & self._looked):
            joint = self._joints[destination]
            old = self._old.row(destination) if joint.old else []
            new = self._new.row(destination) if joint.new else []
            if old != new:
                for stands, found in self._at(joint, old, new, self._sources(destination, joint)):
                    yield from ((destination, stands, shift) for shift in found)

    def _sources(self, destination: int, joint: Joint) -> int:
        sources = self._counted
        if joint.what == OUT:
            sources &= ~self._outside
        elif len(joint.units) == 1:
            unit = joint.units[0]
            lonely = [unit.lonely(after=after) for after in (False, True) if (joint.new if after else joint.old)]
            if any(lonely) or joint.what == NODE:
                sources &= ~(1 << destination)
        return sources

    def _at(self, joint: Joint, old: list[Piece], new: list[Piece], sources: int) -> Iterator[tuple[str, list[Shift]]]:
        both, added, removed = (sources & self._stands[word] for word in (BOTH, ADDED, REMOVED))
        if joint.stands == BOTH:
            yield BOTH, shifts(old, new, both)
        else:
            added, removed = added | both, removed | both
        if joint.new:
            yield ADDED, profiles([], new, added & reaching(new))
        if joint.old:
            yield REMOVED, profiles(old, [], removed & reaching(old))


def _low(bits: int) -> int:
    return (bits & -bits).bit_length()
