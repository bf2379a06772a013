"""Reachability, exactly: rows of sources per destination, both directions, per address family.

A flow needs the egress side of its source and the ingress side of its destination. Seen from a destination both are sets
of sources, so that a row is their intersection and nothing is ever transposed. Equal sides are worked out once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from thwart.lib.bitsets import members, pack
from thwart.network.classes import HOST, OUTSIDE, POD, Partition
from thwart.network.deciding import Decision, Entry, Side, cells, decide
from thwart.network.index import Index
from thwart.network.model import ALLOW, EGRESS, INGRESS, NETWORK, BlockPeer, Policy, PortMatch, Rule, World
from thwart.network.ports import Ports

_KEPT_BITS = 1 << 29  # of sides worked out and kept: some 64 MiB for each set that a side has


class Cell(NamedTuple):
    """Ports (a mask), and the sources that are allowed and denied on all of them; the rest is unknown."""

    ports: int
    allow: int
    deny: int


class Applied(NamedTuple):
    """A rule with its peers as sets."""

    number: int  # of the policy
    policy: Policy
    rule: Rule
    sure: int
    perhaps: int


class Plane:
    """The world as seen in one address family."""

    def __init__(self, partition: Partition, ports: Ports, family: int) -> None:
        self._partition = partition
        self._ports = ports
        self.index = Index(partition, family)
        self.everyone = self.index.everyone
        policies = partition.world.policies
        self.subjects = [self.index.pods(policy.subject) for policy in policies]
        self.ingress = [self._apply(number, policy, INGRESS) for number, policy in enumerate(policies)]
        self.egress = [self._apply(number, policy, EGRESS) for number, policy in enumerate(policies)]
        self._isolated_egress = self._isolated(EGRESS)
        self._selecting = self._policies_of_classes()
        self._reached = self._egress_rules_of_classes()
        self._foreign = _Foreign(partition, self.index)
        self._sides: dict[tuple[object, ...], list[Cell]] = {}

    def _apply(self, number: int, policy: Policy, direction: str) -> list[Applied]:
        applied = []
        for rule in policy.rules(direction):
            sure = perhaps = 0
            if rule.peers is None:
                sure = self.everyone
            for peer in rule.peers or ():
                here, maybe = self.index.peer(peer)
                sure |= here
                # an address that is not known is in no block that allows, but it may be in one that denies
                perhaps |= maybe if rule.action != ALLOW or not isinstance(peer, BlockPeer) else 0
            applied.append(Applied(number, policy, rule, sure, perhaps & ~sure if policy.tier != NETWORK else 0))
        return applied

    def _isolated(self, direction: str) -> int:
        bits = 0
        for policy, subject in zip(self._partition.world.policies, self.subjects, strict=True):
            if direction in policy.isolates:
                bits |= subject
        return bits

    def _policies_of_classes(self) -> list[list[int]]:
        """For each class the policies that select it."""
        found: list[list[int]] = [[] for _ in self._partition.classes]
        for number, subject in enumerate(self.subjects):
            for one in members(subject):
                found[one].append(number)
        return found

    def _egress_rules_of_classes(self) -> list[list[int]]:
        """For each class the numbers of the peer sets of egress rules that hold it; sets of everyone are kept aside."""
        self._everywhere: list[Applied] = []
        self._to: list[list[Applied]] = []
        numbers: dict[int, int] = {}
        for rules in self.egress:
            for applied in rules:
                who = applied.sure | applied.perhaps
                if who == self.everyone:
                    self._everywhere.append(applied)
                elif who:
                    number = numbers.setdefault(who, len(numbers))
                    if number == len(self._to):
                        self._to.append([])
                    self._to[number].append(applied)
        found: list[list[int]] = [[] for _ in self._partition.classes]
        for who, number in numbers.items():
            for one in members(who):
                found[one].append(number)
        return found

    def selecting(self, number: int) -> list[int]:
        """The policies that select a class."""
        return self._selecting[number]

    def row(self, destination: int) -> list[Cell]:
        """Who reaches a destination, on which ports."""
        one = self._partition.classes[destination]
        selecting = tuple(self._selecting[destination]) if one.what == POD else ()
        near = self._foreign.near(destination)
        key: tuple[object, ...] = (INGRESS, selecting, one.ports, near, self._foreign.ingress_kind(destination))
        ingress = self._sides.get(key)
        if ingress is None:
            ingress = self._keep(key, self._ingress(destination, selecting, near))
        key = (EGRESS, tuple(self._reached[destination]), one.ports, destination if self._doubtful(destination) else -1)
        egress = self._sides.get(key)
        if egress is None:
            egress = self._keep(key, self._egress(destination))
        return _both(ingress, egress)

    def _keep(self, key: tuple[object, ...], found: list[Cell]) -> list[Cell]:
        if len(self._sides) > max(256, _KEPT_BITS // (self.index.size + 1)):
            self._sides.clear()  # destinations come by namespace: old sides are rarely asked for again
        self._sides[key] = found
        return found

    def _doubtful(self, destination: int) -> bool:
        """Whether a rule may or may not be about the destination: such a side is no one else's."""
        bit = 1 << destination
        return any(applied.perhaps & bit for applied in self._everywhere) or any(
            applied.perhaps & bit for number in self._reached[destination] for applied in self._to[number]
        )

    def _ingress(self, destination: int, selecting: tuple[int, ...], near: tuple[int, int]) -> list[Cell]:
        one = self._partition.classes[destination]
        entries = _Entries()
        isolated = 0
        for number in selecting:
            if INGRESS in self._partition.world.policies[number].isolates:
                isolated = self.everyone
            for applied in self.ingress[number]:
                mask = self._ports.mask(applied.rule.ports, one)
                entries.add(applied, mask, applied.sure, applied.perhaps)
        found = self._cells(Side(entries.all(), isolated, *near))
        return self._foreign.at_destination(found, destination)

    def _egress(self, destination: int) -> list[Cell]:
        one = self._partition.classes[destination]
        bit = 1 << destination
        entries = _Entries()
        for rules in (self._everywhere, *(self._to[number] for number in self._reached[destination])):
            masks: dict[tuple[PortMatch, ...] | None, int] = {}
            for applied in rules:
                ports = applied.rule.ports
                mask = masks.get(ports, -1)
                if mask < 0:
                    mask = masks[ports] = self._ports.mask(ports, one)
                subject = self.subjects[applied.number]
                sure = bool(applied.sure & bit)
                entries.add(applied, mask, subject if sure else 0, 0 if sure else subject)
        found = self._cells(Side(entries.all(), self._isolated_egress, 0, 0))
        return self._foreign.at_sources(found)

    def _cells(self, side: Side) -> list[Cell]:
        masks = {entry.mask for entry in side.entries}
        return [Cell(piece, *decide(side, piece, self.everyone)) for piece in cells(masks, self._ports.all)]

    def at(self, source: int, destination: int, port: int) -> tuple[Decision, Decision]:
        """The egress and the ingress side of one flow on one port (a mask of one bit); sets of the one source 1."""
        return self._point_egress(source, destination, port), self._point_ingress(source, destination, port)

    def _point_ingress(self, source: int, destination: int, port: int) -> Decision:
        one = self._partition.classes[destination]
        near, perhaps_near = self._foreign.near(destination)
        entries, isolated = [], 0
        for number in self._selecting[destination] if one.what == POD else ():
            isolated |= INGRESS in self._partition.world.policies[number].isolates
            for applied in self.ingress[number]:
                mask = self._ports.mask(applied.rule.ports, one)
                entries.append(_entry(applied, mask, applied.sure >> source & 1, applied.perhaps >> source & 1))
        side = Side(tuple(entries), isolated, near >> source & 1, perhaps_near >> source & 1)
        cell = Cell(port, *decide(side, port, 1))
        return Decision(*self._foreign.at_destination([cell], destination)[0][1:])

    def _point_egress(self, source: int, destination: int, port: int) -> Decision:
        one = self._partition.classes[destination]
        entries, isolated = [], 0
        for number in self._selecting[source]:
            isolated |= EGRESS in self._partition.world.policies[number].isolates
            for applied in self.egress[number]:
                mask = self._ports.mask(applied.rule.ports, one)
                entries.append(
                    _entry(applied, mask, applied.sure >> destination & 1, applied.perhaps >> destination & 1)
                )
        decision = decide(Side(tuple(entries), isolated, 0, 0), port, 1)
        return self._foreign.at_source(decision, source)


class _Foreign:
    """What is not in the policies: sources on the destination's own node, and policies of kinds not modelled."""

    def __init__(self, partition: Partition, index: Index) -> None:
        self._classes = partition.classes
        self._index = index
        self._hosts = [(1 << i, c.node, c.everywhere) for i, c in enumerate(self._classes) if c.what == HOST]
        self._near: dict[str, tuple[int, int]] = {}
        self._ingress_all = self._ingress_deny = self._egress_all = self._egress_deny = 0
        pods = index.hosts | pack((i for i, c in enumerate(self._classes) if c.what == POD), index.size)
        for other in partition.world.unmodelled:
            bits = pods if other.namespace is None else index.namespace(other.namespace)
            if INGRESS in other.directions:
                self._ingress_deny |= bits
                self._ingress_all |= 0 if other.only_denies else bits
            if EGRESS in other.directions:
                self._egress_deny |= bits
                self._egress_all |= 0 if other.only_denies else bits

    def near(self, destination: int) -> tuple[int, int]:
        """Hosts that are the destination's node, and those that may be (types.go: "the pod's local node")."""
        one = self._classes[destination]
        if one.what != POD or not self._hosts:
            return 0, 0
        found = self._near.get(one.node)
        if found is None:
            sure = perhaps = 0
            for bit, node, everywhere in self._hosts:
                if everywhere or (node and node == one.node):
                    sure |= bit
                elif not node or not one.node:
                    perhaps |= bit
            found = self._near[one.node] = sure, perhaps
        return found

    def ingress_kind(self, destination: int) -> int:
        """0 when modelled kinds alone decide at the destination, 1 when others may deny there, 2 when they may do anything."""
        bit = 1 << destination
        return 2 if self._ingress_all & bit else 1 if self._ingress_deny & bit else 0

    def at_destination(self, found: list[Cell], destination: int) -> list[Cell]:
        kind = self.ingress_kind(destination)
        return [Cell(c.ports, 0, 0 if kind == 2 else c.deny) for c in found] if kind else found

    def at_sources(self, found: list[Cell]) -> list[Cell]:
        if not self._egress_deny:
            return found
        return [Cell(c.ports, c.allow & ~self._egress_deny, c.deny & ~self._egress_all) for c in found]

    def at_source(self, decision: Decision, source: int) -> Decision:
        if not self._egress_deny >> source & 1:
            return decision
        return Decision(0, 0 if self._egress_all >> source & 1 else decision.deny)


class Model:
    """A world made ready for questions."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.partition = Partition(world)
        self.classes = self.partition.classes
        self.ports = Ports(world.policies, self.classes)
        self.planes = {family: Plane(self.partition, self.ports, family) for family in self.partition.versions}
        self._families = [c.families for c in self.classes]
        self._by_families: dict[tuple[frozenset[int], bool], list[int]] = {}
        for number, one in enumerate(self.classes):
            self._by_families.setdefault((one.families, one.what == OUTSIDE), []).append(number)
        self._packed = {families: pack(found, len(self.classes)) for families, found in self._by_families.items()}

    def families(self, source: int, destination: int) -> list[int]:
        """The address families in which two classes can meet; where that is not known, those of either."""
        here, there = self._families[source], self._families[destination]
        found = here & there or (there if here and there else here | there) or frozenset({4})
        for number in (source, destination):  # an address is of one family, whatever the other end is known to have
            if self.classes[number].what == OUTSIDE:
                found = self._families[number]
        return [family for family in self.planes if family in found] or [4]

    def row(self, destination: int) -> list[Cell]:
        """Who reaches a destination: allowed in some family, denied in all, or unknown."""
        if len(self.planes) == 1:
            return self.planes[4].row(destination)
        eligible = dict.fromkeys(self.planes, 0)
        for families, sources in self._by_families.items():
            for family in self.families(sources[0], destination):
                eligible[family] |= self._packed[families]
        rows = {family: plane.row(destination) for family, plane in self.planes.items()}
        found = []
        for four in rows[4]:
            for six in rows[6]:
                if four.ports & six.ports:
                    allow = four.allow & eligible[4] | six.allow & eligible[6]
                    deny = (four.deny | ~eligible[4]) & (six.deny | ~eligible[6]) & self.planes[4].everyone
                    found.append(Cell(four.ports & six.ports, allow, deny & ~allow))
        return _joined(found)

    def rows(self) -> Iterator[tuple[int, list[Cell]]]:
        """Every destination with its row, in order."""
        for destination in range(len(self.classes)):
            yield destination, self.row(destination)


def _entry(applied: Applied, mask: int, sure: int, perhaps: int) -> Entry:
    policy = applied.policy
    rank = (policy.priority, applied.number, applied.rule.index)
    return Entry(policy.tier, rank, applied.rule.action, mask, sure, perhaps)


class _Entries:
    """Entries of a side; NetworkPolicy's rules only ever add, so that those of equal ports are one."""

    def __init__(self) -> None:
        self._ranked: list[Entry] = []
        self._granted: dict[int, int] = {}

    def add(self, applied: Applied, mask: int, sure: int, perhaps: int) -> None:
        """Add a rule."""
        if applied.policy.tier != NETWORK:
            self._ranked.append(_entry(applied, mask, sure, perhaps))
        elif mask:
            self._granted[mask] = self._granted.get(mask, 0) | sure

    def all(self) -> tuple[Entry, ...]:
        """The entries."""
        granted = (Entry(NETWORK, (0, 0, 0), ALLOW, mask, sure, 0) for mask, sure in self._granted.items())
        return (*self._ranked, *granted)


def _both(ingress: list[Cell], egress: list[Cell]) -> list[Cell]:
    """Allowed by both sides; denied by either."""
    if len(ingress) == len(egress) == 1:
        return [Cell(ingress[0].ports, ingress[0].allow & egress[0].allow, ingress[0].deny | egress[0].deny)]
    return _joined(
        [
            Cell(there.ports & here.ports, there.allow & here.allow, there.deny | here.deny)
            for here in ingress
            for there in egress
            if there.ports & here.ports
        ]
    )


def _joined(found: list[Cell]) -> list[Cell]:
    merged: dict[tuple[int, int], int] = {}
    for ports, allow, deny in found:
        merged[allow, deny] = merged.get((allow, deny), 0) | ports
    return [Cell(ports, allow, deny) for (allow, deny), ports in merged.items()]
