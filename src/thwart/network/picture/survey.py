"""What a picture can show: areas (namespaces, nodes, the outside), and what each reaches of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from msgspec import Struct

from thwart.lib.bitsets import members, pack
from thwart.network.classes import HOST, OUTSIDE, POD
from thwart.network.lint._look import Look
from thwart.network.lint.coverage import closed_namespaces
from thwart.network.mapping import ALL, NONE, SOME, UNKNOWN, Group, Map
from thwart.network.model import EGRESS, INGRESS
from thwart.network.picture.order import alike_together

MOST_NAMESPACES = 48  # more are cut to the SHOWN_NAMESPACES that matter most, and one area for the rest
SHOWN_NAMESPACES = 40
REST = "rest"


class Area(Struct, frozen=True, kw_only=True):
    """A namespace, the nodes, the outside, or the namespaces that are not shown on their own (`what` is `rest`).

    `bits` are the groups in it. `closed` are the directions in which a policy isolates every pod of the namespace.
    """

    name: str
    what: str
    bits: int
    pods: int
    closed: frozenset[str] = frozenset()


class Reach(NamedTuple):
    """What one area reaches of another: a word of the matrix, and how many of the pairs of groups are connected.

    `possible` is 0 where pairs were not counted.
    """

    word: str
    connected: int
    possible: int

    @property
    def doubtful(self) -> bool:
        """Whether something in it is unknown."""
        return self.word.endswith(UNKNOWN)

    @property
    def certain(self) -> str:
        """The word for what is known."""
        return self.word.removesuffix(UNKNOWN)


class Told(NamedTuple):
    """A destination's sources: on some port, on every port, unknown on some."""

    some: int
    full: int
    unknown: int


class Survey:
    """A map, ready to be drawn. `areas` are in the order of the picture: the outside, namespaces, the rest, nodes."""

    def __init__(self, found: Map) -> None:
        self.found = found
        self.cells: dict[int, list[tuple[int, int, bool]]] = {}
        for one in found.connections:
            for destination in one.destinations:
                self.cells.setdefault(destination, []).append((one.source_bits, one.ports, one.unknown))
        self.source_sets = list(dict.fromkeys(one.source_bits for one in found.connections))
        self._size = len(found.groups)
        self._pods = pack((group.number for group in found.groups if group.what == POD), self._size)
        self._outside = pack((group.number for group in found.groups if group.what == OUTSIDE), self._size)
        self._told = [self._tell(number) for number in range(self._size)]
        every = _areas(found, self._size)
        self.namespaces = [area for area in every if area.what == POD]
        self.edge = [area for area in every if area.what != POD]
        chosen = self._chosen()
        self.left_out = len(self.namespaces) - len([area for area in chosen if area.what == POD])
        self.reach = self._reaches([*self.edge, *chosen])
        self.areas = self._ordered(chosen)

    def groups(self, area: Area) -> list[Group]:
        """The groups of an area."""
        return [self.found.groups[number] for number in members(area.bits)]

    def ordered_pairs(self) -> list[tuple[Area, Area]]:
        """Every pair that can be a flow, by rows."""
        return [(here, there) for here in self.areas for there in self.areas if (here.name, there.name) in self.reach]

    @property
    def open_to_outside(self) -> list[Area]:
        """The namespaces, shown or not, of which the outside reaches something."""
        return [area for area in self.namespaces if any(map(self.from_outside, members(area.bits)))]

    def from_outside(self, number: int) -> bool:
        """Whether the outside reaches a group on some port."""
        return bool(self._told[number].some & self._outside)

    def _tell(self, number: int) -> Told:
        some = unknown = covered = 0
        full = -1
        for bits, ports, doubt in self.cells.get(number, ()):
            if doubt:
                unknown |= bits
            else:
                some |= bits
                full &= bits
                covered |= ports
        return Told(some, full if covered == self.found.model.ports.all else 0, unknown)

    def _alone(self, number: int) -> bool:
        one = self.found.model.classes[number]
        return len(one.members) == 1 and one.members[0].single

    def _chosen(self) -> list[Area]:
        if len(self.namespaces) <= MOST_NAMESPACES:
            return self.namespaces
        exposed = {area.name for area in self.open_to_outside}
        ranked = sorted(
            self.namespaces, key=lambda one: (one.name not in exposed, len(one.closed), -one.pods, one.name)
        )
        rest = ranked[SHOWN_NAMESPACES:]
        bits = 0
        for area in rest:
            bits |= area.bits
        name = f"({len(rest):,} others)"
        together = Area(name=name, what=REST, bits=bits, pods=sum(area.pods for area in rest))
        return [*ranked[:SHOWN_NAMESPACES], together]

    def _ordered(self, chosen: Sequence[Area]) -> list[Area]:
        words = {pair: reach.word for pair, reach in self.reach.items()}
        names = sorted(area.name for area in chosen if area.what == POD)
        by_name = {area.name: area for area in chosen}
        return [
            *(area for area in self.edge if area.what == OUTSIDE),
            *(by_name[name] for name in alike_together(names, words)),
            *(area for area in chosen if area.what == REST),
            *(area for area in self.edge if area.what == HOST),
        ]

    def _reaches(self, areas: Sequence[Area]) -> dict[tuple[str, str], Reach]:
        found = {}
        for there in areas:
            some = unknown = 0
            full = -1
            alone = []
            for number in members(there.bits):
                told = self._told[number]
                some |= told.some
                unknown |= told.unknown
                if self._alone(number):
                    alone.append(number)
                full &= told.full | (1 << number if alone and alone[-1] == number else 0)
            rows = Counter(self._told[number].some for number in members(there.bits)) if there.what != REST else {}
            only_itself = len(alone) == there.bits.bit_count() == 1
            for here in areas:
                bits = here.bits if there.what in (POD, REST) else here.bits & self._pods
                if not bits or (here is there and only_itself):
                    continue
                certain = ALL if full & bits == bits else SOME if some & bits else NONE
                possible = bits.bit_count() * there.bits.bit_count() - (len(alone) if here is there else 0)
                found[here.name, there.name] = Reach(
                    certain + (UNKNOWN if unknown & bits else ""),
                    sum((row & bits).bit_count() * count for row, count in rows.items()),
                    possible if rows else 0,
                )
        return found


def _areas(found: Map, size: int) -> list[Area]:
    numbers: dict[tuple[str, str], list[int]] = {}
    for group in found.groups:
        numbers.setdefault((group.what, group.namespace if group.what == POD else ""), []).append(group.number)
    closed = closed_namespaces(Look(found.model))
    return [
        Area(
            name=name if what == POD else "(nodes)" if what == HOST else "(outside)",
            what=what,
            bits=pack(inside, size),
            pods=sum(found.groups[number].pods for number in inside),
            closed=frozenset(way for way in (INGRESS, EGRESS) if what == POD and name in closed[way]),
        )
        for (what, name), inside in numbers.items()
    ]
