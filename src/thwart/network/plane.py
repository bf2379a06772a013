"""The world as seen in one address family: the rules applied to its classes, and the row of every destination."""

from __future__ import annotations

import copy
from collections.abc import Iterable

from thwart.lib.bitsets import members
from thwart.network.classes import Partition
from thwart.network.columns import Places
from thwart.network.deciding import Decision, Isolated, Side, cells, decide
from thwart.network.index import Index
from thwart.network.model import ALLOW, EGRESS, INGRESS, NETWORK, ON_THE_NET, PLAIN, Policy, PortMatch, Tier
from thwart.network.ports import Ports
from thwart.network.reach import Reach
from thwart.network.sides import Applied, Cell, Entries, Foreign, all_layers, both_sides

_KEPT_BITS = 1 << 27  # of sides worked out and kept: some 16 MiB for each set that a side has


class Plane:
    """The world as seen in one address family."""

    def __init__(self, partition: Partition, ports: Ports, family: int) -> None:
        self.partition = partition
        self.ports = ports
        self.index = Index(partition, family)
        self.everyone = self.index.everyone
        self.foreign = Foreign(partition, self.index)
        self.policies = partition.world.policies
        self.layers = sorted({policy.layer for policy in self.policies}) or [ON_THE_NET]
        found = [self._subject(policy) for policy in self.policies]
        self.subjects = [sure for sure, _ in found]
        self.perhaps_subjects = [perhaps for _, perhaps in found]
        self.ingress = [self._apply(number, policy, INGRESS) for number, policy in enumerate(self.policies)]
        self.egress = [self._apply(number, policy, EGRESS) for number, policy in enumerate(self.policies)]
        self.isolated = {direction: self._isolated(direction) for direction in (INGRESS, EGRESS)}
        self._selecting = self._policies_of_classes()
        self._perhaps_selecting = self._doubtful_policies_of_classes()
        self._reached = Reach(self.egress, self.everyone, self.index.size)
        self._sides: dict[tuple[object, ...], list[Cell]] = {}
        self._reaching: Reach | None = None  # the same for ingress, made when a column is first asked for
        self._ingress_columns: dict[int, list[Cell]] = {}
        self.places = Places(partition.classes, ports)

    def _subject(self, policy: Policy) -> tuple[int, int]:
        sure, perhaps = self.index.peer(policy.subject)
        outside = self.index.outside
        return (sure & ~outside if sure & outside else sure), perhaps & ~outside

    def _apply(self, number: int, policy: Policy, direction: str) -> list[Applied]:
        applied = []
        plain = policy.tier == NETWORK and policy.priority == PLAIN
        for rule in policy.rules(direction):
            sure = perhaps = 0
            if rule.peers is None:
                sure = self.everyone
            for peer in rule.peers or ():
                here, maybe = self.index.peer(peer, allows=rule.action == ALLOW)
                sure = sure | here if sure else here  # large sets are shared, not copied
                perhaps |= maybe
            if rule.doubt:
                sure, perhaps = 0, sure | perhaps
            applied.append(Applied(number, policy, rule, sure, perhaps & ~sure, plain and rule.action == ALLOW))
        return applied

    def _isolated(self, direction: str) -> dict[int, dict[Tier, Isolated]]:
        """For each layer and tier the classes that are denied at its end."""
        found: dict[int, dict[Tier, Isolated]] = {layer: {} for layer in self.layers}
        for number, policy in enumerate(self.policies):
            if direction in policy.isolates:
                sure, perhaps = found[policy.layer].get(policy.tier, (0, 0))
                here, maybe = self.subjects[number], self.perhaps_subjects[number]
                found[policy.layer][policy.tier] = Isolated(sure | here, perhaps | maybe)
        return found

    def _policies_of_classes(self) -> list[list[int]]:
        """For each class the policies that select it."""
        found: list[list[int]] = [[] for _ in self.partition.classes]
        for number, subject in enumerate(self.subjects):
            for one in members(subject | self.perhaps_subjects[number]):
                found[one].append(number)
        return found

    def _doubtful_policies_of_classes(self) -> dict[int, frozenset[int]]:
        """The policies that may or may not select a class; they are among those that select it."""
        found: dict[int, set[int]] = {}
        for number, perhaps in enumerate(self.perhaps_subjects):
            for one in members(perhaps & ~self.subjects[number]):
                found.setdefault(one, set()).add(number)
        return {one: frozenset(numbers) for one, numbers in found.items()}

    def selecting(self, number: int) -> list[int]:
        """The policies that select a class, or may."""
        return self._selecting[number]

    def doubtful(self, number: int) -> frozenset[int]:
        """Those of them that only may."""
        return self._perhaps_selecting.get(number, frozenset())

    def row(self, destination: int) -> list[Cell]:
        """Who reaches a destination, on which ports."""
        one = self.partition.classes[destination]
        near = self.foreign.near(destination)
        selecting, perhaps = tuple(self._selecting[destination]), self._perhaps_selecting.get(destination)
        key: tuple[object, ...] = (
            INGRESS, selecting, perhaps, one.ports, near, self.foreign.ingress_kind(destination)
        )  # fmt: skip
        ingress = self._sides.get(key)
        if ingress is None:
            ingress = self._keep(key, self._ingress(destination))
        alone = destination if self._reached.doubtful(destination) else -1
        key = (EGRESS, self._reached.groups[destination], one.ports, alone)
        egress = self._sides.get(key)
        if egress is None:
            egress = self._keep(key, self._egress(destination))
        return both_sides(ingress, egress)

    def _keep(self, key: tuple[object, ...], found: list[Cell]) -> list[Cell]:
        if len(self._sides) > max(256, _KEPT_BITS // (self.index.size + 1)):
            self._sides.clear()  # destinations come by namespace: old sides are rarely asked for again
        self._sides[key] = found
        return found

    def _ingress(self, destination: int) -> list[Cell]:
        near = self.foreign.near(destination)
        found = [self._cells(self._ingress_side(layer, destination, near)) for layer in self.layers]
        return self.foreign.at_destination(all_layers(found), destination)

    def _ingress_side(self, layer: int, destination: int, near: tuple[int, int], only: int = -1) -> Side:
        """The rules at a destination. `only` is the one source that is asked for, which stands as 1 in the sets."""
        one = self.partition.classes[destination]
        entries = Entries()
        isolated: dict[Tier, Isolated] = {}
        speaking: dict[Tier, int] = {}
        doubtful = self.doubtful(destination)
        for number in self._selecting[destination]:
            policy = self.policies[number]
            if policy.layer != layer:
                continue
            here = self.everyone if only < 0 else 1
            if policy.ingress or INGRESS in policy.isolates:
                speaking[policy.tier] = here
            if INGRESS in policy.isolates:
                sure, perhaps = isolated.get(policy.tier, (0, 0))
                isolated[policy.tier] = Isolated(sure, here) if number in doubtful else Isolated(here, perhaps)
            for applied in self.ingress[number]:
                sure, perhaps = applied.sure, applied.perhaps
                if only >= 0:
                    sure, perhaps = sure >> only & 1, perhaps >> only & 1
                if number in doubtful:
                    sure, perhaps = 0, sure | perhaps
                entries.add(applied, self.ports.mask(applied.rule.ports, one), sure, perhaps)
        return entries.side(isolated, near if layer == ON_THE_NET else (0, 0), speaking)

    def _egress(self, destination: int) -> list[Cell]:
        one = self.partition.classes[destination]
        bit = 1 << destination
        entries = {layer: Entries() for layer in self.layers}
        masks: dict[tuple[PortMatch, ...] | None, int] = {}
        for applied, subjects, perhaps in self._reached.sums(destination, self.subjects, self.perhaps_subjects):
            ports = applied.rule.ports
            mask = masks.get(ports, -1)
            if mask < 0:
                mask = masks[ports] = self.ports.mask(ports, one)
            sure = applied.sure & bit
            entries[applied.policy.layer].add(
                applied, mask, subjects if sure else 0, perhaps if sure else subjects | perhaps
            )
        sides = [found.side(self.isolated[EGRESS][layer], (0, 0)) for layer, found in entries.items()]
        return self.foreign.at_sources(all_layers([self._cells(side) for side in sides]))

    def _cells(self, side: Side) -> list[Cell]:
        masks = {entry.mask for entry in side.entries}
        return [Cell(piece, *decide(side, piece, self.everyone)) for piece in cells(masks, self.ports.all)]

    def at(self, source: int, destination: int, port: int) -> tuple[Decision, Decision]:
        """The egress and the ingress side of one flow on one port (a mask of one bit); sets of the one source 1."""
        return self._point_egress(source, destination, port), self._point_ingress(source, destination, port)

    def _point_ingress(self, source: int, destination: int, port: int) -> Decision:
        near, perhaps_near = (bits >> source & 1 for bits in self.foreign.near(destination))
        sides = [self._ingress_side(layer, destination, (near, perhaps_near), source) for layer in self.layers]
        found = all_layers([[Cell(port, *decide(side, port, 1))] for side in sides])
        return Decision(*self.foreign.at_destination(found, destination)[0][1:])

    def _point_egress(self, source: int, destination: int, port: int) -> Decision:
        sides = [self._egress_side(layer, source, destination) for layer in self.layers]
        found = all_layers([[Cell(port, *decide(side, port, 1))] for side in sides])
        return self.foreign.at_source(Decision(*found[0][1:]), source)

    def _egress_side(self, layer: int, source: int, destination: int) -> Side:
        one = self.partition.classes[destination]
        entries = Entries()
        doubtful = self.doubtful(source)
        for number in self._selecting[source]:
            for applied in self.egress[number]:
                if applied.policy.layer != layer:
                    continue
                sure, perhaps = applied.sure >> destination & 1, applied.perhaps >> destination & 1
                if number in doubtful:
                    sure, perhaps = 0, sure | perhaps
                entries.add(applied, self.ports.mask(applied.rule.ports, one), sure, perhaps)
        isolated = {
            tier: Isolated(sure >> source & 1, perhaps >> source & 1)
            for tier, (sure, perhaps) in self.isolated[EGRESS][layer].items()
        }
        return entries.side(isolated, (0, 0))

    def column(self, source: int) -> list[Cell]:
        """Whom a source reaches, on which ports: as a row, but the sets are of destinations."""
        if self._reaching is None:
            self._reaching = Reach(self.ingress, self.everyone, self.index.size)
        egress = all_layers([self._cells(self._egress_column(layer, source)) for layer in self.layers])
        ingress = self._ingress_columns.get(source)
        if ingress is None:
            ingress = all_layers([self._cells(self._ingress_column(layer, source)) for layer in self.layers])
            if len(self._ingress_columns) >= max(256, _KEPT_BITS // (self.index.size + 1)):
                self._ingress_columns.clear()
            self._ingress_columns[source] = ingress
        return both_sides(self.foreign.from_source(egress, source), self.foreign.at_destinations(ingress))

    def _egress_column(self, layer: int, source: int) -> Side:
        entries = Entries()
        doubtful = self.doubtful(source)
        for number in self._selecting[source]:
            for applied in self.egress[number]:
                if applied.policy.layer == layer:
                    sure, perhaps = applied.sure, applied.perhaps
                    if number in doubtful:
                        sure, perhaps = 0, sure | perhaps
                    self.places.add(entries, applied, sure, perhaps)
        isolated = {
            tier: Isolated(self.everyone * (sure >> source & 1), self.everyone * (perhaps >> source & 1))
            for tier, (sure, perhaps) in self.isolated[EGRESS][layer].items()
        }
        return entries.side(isolated, (0, 0))

    def _ingress_column(self, layer: int, source: int) -> Side:
        entries = Entries()
        reaching = self._reaching or Reach(self.ingress, self.everyone, self.index.size)
        for applied, subjects, perhaps in reaching.sums(source, self.subjects, self.perhaps_subjects):
            if applied.policy.layer == layer:
                sure = applied.sure >> source & 1
                self.places.add(entries, applied, subjects if sure else 0, perhaps if sure else subjects | perhaps)
        near = self.foreign.near_destinations(source) if layer == ON_THE_NET else (0, 0)
        return entries.side(self.isolated[INGRESS][layer], near, self._speaking(layer) if any(near) else {})

    def _speaking(self, layer: int) -> dict[Tier, int]:
        """For each tier the classes of whom a policy speaks as destinations."""
        found: dict[Tier, int] = {}
        for number, policy in enumerate(self.policies):
            if policy.layer == layer and (policy.ingress or INGRESS in policy.isolates):
                bits = self.subjects[number] | self.perhaps_subjects[number]
                found[policy.tier] = found.get(policy.tier, 0) | bits
        return found

    def near(self, source: int, destination: int) -> bool:
        """Whether the source is the destination's own node."""
        return bool(self.foreign.near(destination)[0] >> source & 1)

    def with_policies(self, policies: tuple[Policy, ...], changed: Iterable[int], ports: Ports) -> Plane:
        """The same classes under other policies. Those whose number is not among `changed` are the same as before."""
        made = copy.copy(self)
        made.set_policies(policies, changed, ports)
        return made

    def set_policies(self, policies: tuple[Policy, ...], changed: Iterable[int], ports: Ports) -> None:
        """Take other policies; lists that a copy may share are replaced, never changed."""
        if ports is not self.ports:
            self.ports, self.places, self._ingress_columns = ports, Places(self.partition.classes, ports), {}
        self.subjects, self.perhaps_subjects = list(self.subjects), list(self.perhaps_subjects)
        self.ingress, self.egress = list(self.ingress), list(self.egress)
        self._selecting, self._sides = list(self._selecting), {}
        self._perhaps_selecting = dict(self._perhaps_selecting)
        touched = 0
        for number in changed:
            was = self.policies[number : number + 1]
            touched |= self._replace(number, policies[number])
            if any(policy.ingress or INGRESS in policy.isolates for policy in (*was, policies[number])):
                self._ingress_columns = {}  # else they are shared with what this is a copy of
        self.policies = policies
        self.layers = sorted({policy.layer for policy in policies}) or [ON_THE_NET]
        self.isolated = {direction: self._isolated_again(direction, touched) for direction in (INGRESS, EGRESS)}

    def _isolated_again(self, direction: str, touched: int) -> dict[int, dict[Tier, Isolated]]:
        """What `_isolated` gives, where only these classes can have changed."""
        found: dict[int, dict[Tier, Isolated]] = {layer: {} for layer in self.layers}
        for layer, tiers in self.isolated[direction].items():
            kept = {tier: Isolated(sure & ~touched, perhaps & ~touched) for tier, (sure, perhaps) in tiers.items()}
            found[layer] = kept
        for one in members(touched):
            bit = 1 << one
            for number in self._selecting[one]:
                policy = self.policies[number]
                if direction in policy.isolates:
                    sure, perhaps = found[policy.layer].get(policy.tier, (0, 0))
                    here, maybe = self.subjects[number] & bit, self.perhaps_subjects[number] & bit
                    found[policy.layer][policy.tier] = Isolated(sure | here, perhaps | maybe)
        return found

    def _replace(self, number: int, policy: Policy) -> int:
        """Take one other policy; the classes that it selects, or did."""
        before = 0
        if number == len(self.subjects):
            self.subjects.append(0)
            self.perhaps_subjects.append(0)
            self.ingress.append([])
            self.egress.append([])
        else:
            before = self.subjects[number] | self.perhaps_subjects[number]
        sure, perhaps = self.subjects[number], self.perhaps_subjects[number] = self._subject(policy)
        before_ingress = self.ingress[number]
        self.ingress[number] = self._apply(number, policy, INGRESS)
        egress = self._apply(number, policy, EGRESS)
        if self._reaching is not None:
            self._reaching = self._reaching.replaced(before_ingress, self.ingress[number])
        self._reached = self._reached.replaced(self.egress[number], egress)
        self.egress[number] = egress
        for one in members(before & ~(sure | perhaps)):
            self._selecting[one] = [other for other in self._selecting[one] if other != number]
        for one in members((sure | perhaps) & ~before):
            self._selecting[one] = sorted([*self._selecting[one], number])
        for one in members(before | perhaps):
            rest = self.doubtful(one) - {number}
            self._perhaps_selecting[one] = rest | {number} if perhaps & ~sure & 1 << one else rest
        return before | sure | perhaps
