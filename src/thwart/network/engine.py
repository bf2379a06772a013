"""Reachability, exactly: rows of sources per destination, both directions, per address family.

A flow needs the egress side of its source and the ingress side of its destination. Seen from a destination both are sets
of sources, so that a row is their intersection and nothing is ever transposed. Equal sides are worked out once.
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.lib.bitsets import members, pack
from thwart.network.classes import OUTSIDE, Partition
from thwart.network.deciding import Decision, Isolated, Side, cells, decide
from thwart.network.index import Index
from thwart.network.model import (
    ALLOW,
    EGRESS,
    INGRESS,
    NETWORK,
    ON_THE_NET,
    PLAIN,
    Policy,
    PortMatch,
    Tier,
    World,
)
from thwart.network.ports import Ports
from thwart.network.sides import Applied, Cell, Entries, Foreign

_KEPT_BITS = 1 << 29  # of sides worked out and kept: some 64 MiB for each set that a side has


class Plane:
    """The world as seen in one address family."""

    def __init__(self, partition: Partition, ports: Ports, family: int) -> None:
        self._partition = partition
        self._ports = ports
        self.index = Index(partition, family)
        self.everyone = self.index.everyone
        policies = partition.world.policies
        self.layers = sorted({policy.layer for policy in policies}) or [ON_THE_NET]
        found = [self.index.peer(policy.subject) for policy in policies]
        self.subjects = [sure & ~self.index.outside for sure, _ in found]
        self._perhaps_subjects = [perhaps & ~self.index.outside for _, perhaps in found]
        self.ingress = [self._apply(number, policy, INGRESS) for number, policy in enumerate(policies)]
        self.egress = [self._apply(number, policy, EGRESS) for number, policy in enumerate(policies)]
        self._isolated_egress = self._isolated(EGRESS)
        self._selecting = self._policies_of_classes()
        self._perhaps_selecting = self._doubtful_policies_of_classes()
        self._reached = self._egress_rules_of_classes()
        self._foreign = Foreign(partition, self.index)
        self._sides: dict[tuple[object, ...], list[Cell]] = {}

    def _apply(self, number: int, policy: Policy, direction: str) -> list[Applied]:
        applied = []
        plain = policy.tier == NETWORK and policy.priority == PLAIN
        for rule in policy.rules(direction):
            sure = perhaps = 0
            if rule.peers is None:
                sure = self.everyone
            for peer in rule.peers or ():
                here, maybe = self.index.peer(peer, allows=rule.action == ALLOW)
                sure |= here
                perhaps |= maybe
            if rule.doubt:
                sure, perhaps = 0, sure | perhaps
            applied.append(Applied(number, policy, rule, sure, perhaps & ~sure, plain and rule.action == ALLOW))
        return applied

    def _isolated(self, direction: str) -> dict[int, dict[Tier, Isolated]]:
        """For each layer and tier the classes that are denied at its end."""
        found: dict[int, dict[Tier, Isolated]] = {layer: {} for layer in self.layers}
        for number, policy in enumerate(self._partition.world.policies):
            if direction in policy.isolates:
                sure, perhaps = found[policy.layer].get(policy.tier, (0, 0))
                here, maybe = self.subjects[number], self._perhaps_subjects[number]
                found[policy.layer][policy.tier] = Isolated(sure | here, perhaps | maybe)
        return found

    def _policies_of_classes(self) -> list[list[int]]:
        """For each class the policies that select it."""
        found: list[list[int]] = [[] for _ in self._partition.classes]
        for number, subject in enumerate(self.subjects):
            for one in members(subject | self._perhaps_subjects[number]):
                found[one].append(number)
        return found

    def _doubtful_policies_of_classes(self) -> dict[int, frozenset[int]]:
        """The policies that may or may not select a class; they are among those that select it."""
        found: dict[int, set[int]] = {}
        for number, perhaps in enumerate(self._perhaps_subjects):
            for one in members(perhaps & ~self.subjects[number]):
                found.setdefault(one, set()).add(number)
        return {one: frozenset(numbers) for one, numbers in found.items()}

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
        """The policies that select a class, or may."""
        return self._selecting[number]

    def row(self, destination: int) -> list[Cell]:
        """Who reaches a destination, on which ports."""
        one = self._partition.classes[destination]
        near = self._foreign.near(destination)
        selecting, perhaps = tuple(self._selecting[destination]), self._perhaps_selecting.get(destination)
        key: tuple[object, ...] = (
            INGRESS, selecting, perhaps, one.ports, near, self._foreign.ingress_kind(destination)
        )  # fmt: skip
        ingress = self._sides.get(key)
        if ingress is None:
            ingress = self._keep(key, self._ingress(destination))
        key = (EGRESS, tuple(self._reached[destination]), one.ports, destination if self._doubtful(destination) else -1)
        egress = self._sides.get(key)
        if egress is None:
            egress = self._keep(key, self._egress(destination))
        return both_sides(ingress, egress)

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

    def _ingress(self, destination: int) -> list[Cell]:
        near = self._foreign.near(destination)
        found = [self._cells(self._ingress_side(layer, destination, near)) for layer in self.layers]
        return self._foreign.at_destination(_all_layers(found), destination)

    def _ingress_side(self, layer: int, destination: int, near: tuple[int, int], only: int = -1) -> Side:
        """The rules at a destination. `only` is the one source that is asked for, which stands as 1 in the sets."""
        one = self._partition.classes[destination]
        entries = Entries()
        isolated: dict[Tier, Isolated] = {}
        doubtful = self._perhaps_selecting.get(destination, frozenset())
        for number in self._selecting[destination]:
            policy = self._partition.world.policies[number]
            if policy.layer != layer:
                continue
            if INGRESS in policy.isolates:
                sure, perhaps = isolated.get(policy.tier, (0, 0))
                here = self.everyone if only < 0 else 1
                isolated[policy.tier] = Isolated(sure, here) if number in doubtful else Isolated(here, perhaps)
            for applied in self.ingress[number]:
                sure, perhaps = applied.sure, applied.perhaps
                if only >= 0:
                    sure, perhaps = sure >> only & 1, perhaps >> only & 1
                if number in doubtful:
                    sure, perhaps = 0, sure | perhaps
                entries.add(applied, self._ports.mask(applied.rule.ports, one), sure, perhaps)
        return entries.side(isolated, near if layer == ON_THE_NET else (0, 0))

    def _egress(self, destination: int) -> list[Cell]:
        one = self._partition.classes[destination]
        bit = 1 << destination
        entries = {layer: Entries() for layer in self.layers}
        for rules in (self._everywhere, *(self._to[number] for number in self._reached[destination])):
            masks: dict[tuple[PortMatch, ...] | None, int] = {}
            for applied in rules:
                ports = applied.rule.ports
                mask = masks.get(ports, -1)
                if mask < 0:
                    mask = masks[ports] = self._ports.mask(ports, one)
                subject, perhaps = self.subjects[applied.number], self._perhaps_subjects[applied.number]
                if not applied.sure & bit:
                    subject, perhaps = 0, subject | perhaps
                entries[applied.policy.layer].add(applied, mask, subject, perhaps)
        sides = [found.side(self._isolated_egress[layer], (0, 0)) for layer, found in entries.items()]
        return self._foreign.at_sources(_all_layers([self._cells(side) for side in sides]))

    def _cells(self, side: Side) -> list[Cell]:
        masks = {entry.mask for entry in side.entries}
        return [Cell(piece, *decide(side, piece, self.everyone)) for piece in cells(masks, self._ports.all)]

    def at(self, source: int, destination: int, port: int) -> tuple[Decision, Decision]:
        """The egress and the ingress side of one flow on one port (a mask of one bit); sets of the one source 1."""
        return self._point_egress(source, destination, port), self._point_ingress(source, destination, port)

    def _point_ingress(self, source: int, destination: int, port: int) -> Decision:
        near, perhaps_near = (bits >> source & 1 for bits in self._foreign.near(destination))
        sides = [self._ingress_side(layer, destination, (near, perhaps_near), source) for layer in self.layers]
        found = _all_layers([[Cell(port, *decide(side, port, 1))] for side in sides])
        return Decision(*self._foreign.at_destination(found, destination)[0][1:])

    def _point_egress(self, source: int, destination: int, port: int) -> Decision:
        sides = [self._egress_side(layer, source, destination) for layer in self.layers]
        found = _all_layers([[Cell(port, *decide(side, port, 1))] for side in sides])
        return self._foreign.at_source(Decision(*found[0][1:]), source)

    def _egress_side(self, layer: int, source: int, destination: int) -> Side:
        one = self._partition.classes[destination]
        entries = Entries()
        doubtful = self._perhaps_selecting.get(source, frozenset())
        for number in self._selecting[source]:
            for applied in self.egress[number]:
                if applied.policy.layer != layer:
                    continue
                sure, perhaps = applied.sure >> destination & 1, applied.perhaps >> destination & 1
                if number in doubtful:
                    sure, perhaps = 0, sure | perhaps
                entries.add(applied, self._ports.mask(applied.rule.ports, one), sure, perhaps)
        isolated = {
            tier: Isolated(sure >> source & 1, perhaps >> source & 1)
            for tier, (sure, perhaps) in self._isolated_egress[layer].items()
        }
        return entries.side(isolated, (0, 0))

    def near(self, source: int, destination: int) -> bool:
        """Whether the source is the destination's own node."""
        return bool(self._foreign.near(destination)[0] >> source & 1)


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


def _all_layers(found: list[list[Cell]]) -> list[Cell]:
    """Allowed by all; denied by any."""
    joined = found[0]
    for more in found[1:]:
        joined = both_sides(joined, more)
    return joined


def both_sides(ingress: list[Cell], egress: list[Cell]) -> list[Cell]:
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
