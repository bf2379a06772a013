"""One direction at one destination: what the rules there add up to, and what is not in the rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from thwart.lib.bitsets import pack
from thwart.network.classes import HOST, POD, Partition
from thwart.network.deciding import Decision, Entry, Isolated, Side
from thwart.network.index import Index
from thwart.network.model import ALLOW, EGRESS, INGRESS, NETWORK, PLAIN, Policy, Rule, Tier


class Cell(NamedTuple):
    """Ports (a mask), and the sources that are allowed and denied on all of them; the rest is unknown."""

    ports: int
    allow: int
    deny: int


class Applied(NamedTuple):
    """A rule with its peers as sets. `adds` marks rules that only ever add up, as NetworkPolicy's do."""

    number: int  # of the policy
    policy: Policy
    rule: Rule
    sure: int
    perhaps: int
    adds: bool


_NONE: Mapping[Tier, int] = {}


class Entries:
    """Entries of a side; rules that only ever add up are one where their ports are equal."""

    def __init__(self) -> None:
        self._ranked: list[Entry] = []
        self._granted: dict[int, int] = {}
        self._perhaps: dict[int, int] = {}

    def add(self, applied: Applied, mask: int, sure: int, perhaps: int) -> None:
        """Add a rule."""
        if not mask:
            return
        if not applied.adds:
            policy = applied.policy
            rank = (policy.priority, applied.number, applied.rule.index)
            self._ranked.append(Entry(policy.tier, rank, applied.rule.action, mask, sure, perhaps))
            return
        self._granted[mask] = self._granted.get(mask, 0) | sure
        if perhaps:
            self._perhaps[mask] = self._perhaps.get(mask, 0) | perhaps

    def side(
        self, isolated: Mapping[Tier, Isolated], near: tuple[int, int], speaking: Mapping[Tier, int] = _NONE
    ) -> Side:
        """The side that they make."""
        plain = not (self._ranked or self._perhaps) and all(
            tier == NETWORK and not perhaps for tier, (_, perhaps) in isolated.items()
        )
        granted = (
            Entry(NETWORK, (PLAIN, -1, 0), ALLOW, mask, sure, self._perhaps.get(mask, 0))
            for mask, sure in self._granted.items()
        )
        return Side((*self._ranked, *granted), isolated, *near, plain, speaking)


def all_layers(found: list[list[Cell]]) -> list[Cell]:
    """Allowed by all; denied by any."""
    first = found[0]
    for more in found[1:]:
        first = both_sides(first, more)
    return first


def both_sides(ingress: list[Cell], egress: list[Cell]) -> list[Cell]:
    """Allowed by both sides; denied by either."""
    if len(ingress) == len(egress) == 1:
        return [Cell(ingress[0].ports, ingress[0].allow & egress[0].allow, ingress[0].deny | egress[0].deny)]
    return joined(
        [
            Cell(there.ports & here.ports, there.allow & here.allow, there.deny | here.deny)
            for here in ingress
            for there in egress
            if there.ports & here.ports
        ]
    )


def joined(found: list[Cell]) -> list[Cell]:
    """The same with cells of equal sets put together."""
    merged: dict[tuple[int, int], int] = {}
    for ports, allow, deny in found:
        merged[allow, deny] = merged.get((allow, deny), 0) | ports
    return [Cell(ports, allow, deny) for (allow, deny), ports in merged.items()]


class Foreign:
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
            bits = index.hosts if other.only_hosts else bits
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
        """An ingress side with what other kinds could change at the destination made unknown."""
        kind = self.ingress_kind(destination)
        return [Cell(c.ports, 0, 0 if kind == 2 else c.deny) for c in found] if kind else found

    def at_sources(self, found: list[Cell]) -> list[Cell]:
        """An egress side with what other kinds could change at its sources made unknown."""
        if not self._egress_deny:
            return found
        return [Cell(c.ports, c.allow & ~self._egress_deny, c.deny & ~self._egress_all) for c in found]

    def from_source(self, found: list[Cell], source: int) -> list[Cell]:
        """An egress side whose sets are of destinations, with what other kinds could change at its source unknown."""
        return [Cell(cell.ports, *self._at_source(cell.allow, cell.deny, source)) for cell in found]

    def at_destinations(self, found: list[Cell]) -> list[Cell]:
        """An ingress side whose sets are of destinations, with what other kinds could change there unknown."""
        if not self._ingress_deny:
            return found
        return [Cell(c.ports, c.allow & ~self._ingress_deny, c.deny & ~self._ingress_all) for c in found]

    def near_destinations(self, source: int) -> tuple[int, int]:
        """The pods whose own node a host is, and those whose node it may be."""
        if self._classes[source].what != HOST:
            return 0, 0
        sure = perhaps = 0
        for number in range(len(self._classes)):
            here, maybe = self.near(number)
            sure |= (here >> source & 1) << number
            perhaps |= (maybe >> source & 1) << number
        return sure, perhaps

    def at_source(self, decision: Decision, source: int) -> Decision:
        """The same for one source, which stands as 1."""
        return Decision(*self._at_source(decision.allow, decision.deny, source))

    def _at_source(self, allow: int, deny: int, source: int) -> tuple[int, int]:
        if not self._egress_deny >> source & 1:
            return allow, deny
        return 0, 0 if self._egress_all >> source & 1 else deny
