"""Reachability, exactly: rows of sources per destination, both directions, all address families.

A flow needs the egress side of its source and the ingress side of its destination. Seen from a destination both are sets
of sources, so that a row is their intersection and nothing is ever transposed. Equal sides are worked out once.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from thwart.lib.bitsets import pack
from thwart.network.classes import OUTSIDE, Partition
from thwart.network.model import AnyOf, Policy, World
from thwart.network.plane import Plane
from thwart.network.ports import Ports
from thwart.network.sides import Cell, joined


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
            return self._with_itself(destination, self.planes[4].row(destination))
        rows = {family: plane.row(destination) for family, plane in self.planes.items()}
        found = self._in_families(rows, lambda source: self.families(source, destination))
        return self._with_itself(destination, found)

    def column(self, source: int) -> list[Cell]:
        """Whom a source reaches, as `row` with sets of destinations."""
        if len(self.planes) == 1:
            return self._with_itself(source, self.planes[4].column(source))
        columns = {family: plane.column(source) for family, plane in self.planes.items()}
        found = self._in_families(columns, lambda destination: self.families(source, destination))
        return self._with_itself(source, found)

    def _with_itself(self, number: int, found: list[Cell]) -> list[Cell]:
        """A machine always reaches itself."""
        if not self.classes[number].is_one_host:
            return found
        bit = 1 << number
        return joined([Cell(ports, allow | bit, deny & ~bit) for ports, allow, deny in found])

    def _in_families(self, cells: dict[int, list[Cell]], families: Callable[[int], list[int]]) -> list[Cell]:
        """Join what holds in each family for the classes at the other end that are met in it."""
        eligible = dict.fromkeys(self.planes, 0)
        for alike, others in self._by_families.items():
            for family in families(others[0]):
                eligible[family] |= self._packed[alike]
        found = []
        for four in cells[4]:
            for six in cells[6]:
                if four.ports & six.ports:
                    allow = four.allow & eligible[4] | six.allow & eligible[6]
                    deny = (four.deny | ~eligible[4]) & (six.deny | ~eligible[6]) & self.planes[4].everyone
                    found.append(Cell(four.ports & six.ports, allow, deny & ~allow))
        return joined(found)

    def rows(self) -> Iterator[tuple[int, list[Cell]]]:
        """Every destination with its row, in order."""
        for destination in range(len(self.classes)):
            yield destination, self.row(destination)

    def edited(self, changes: Mapping[int, Policy | None], added: Sequence[Policy] = ()) -> Model:
        """The model with some policies replaced or removed (None), by their number, and others added.

        Where the policies look at nothing new, the classes stay as they are, and only what they touch is renewed;
        a removed policy then leaves an empty one in its place. Otherwise everything is made anew.
        """
        policies = list(self.world.policies)
        for number, policy in changes.items():
            policies[number] = policy or _emptied(policies[number])
        numbers = [*sorted(changes), *range(len(policies), len(policies) + len(added))]
        world = replace(self.world, policies=(*policies, *added))
        new = [world.policies[number] for number in numbers]
        if not self.partition.tells(new):
            return Model(world)
        made = copy.copy(self)
        made.take(world, numbers, self.ports.cut_for(new))
        return made

    def take(self, world: World, changed: Sequence[int], ports: Ports) -> None:
        """Take other policies of the same classes; what a copy may share is replaced, never changed."""
        self.world, self.ports = world, ports
        self.planes = {
            family: plane.with_policies(world.policies, changed, ports) for family, plane in self.planes.items()
        }


def _emptied(policy: Policy) -> Policy:
    return replace(policy, subject=AnyOf(()), ingress=(), egress=(), isolates=frozenset())
