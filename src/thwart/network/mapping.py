"""The whole connectivity, compressed: groups of endpoints, and connections between sets of them."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from thwart.lib.bitsets import members
from thwart.lib.intervals import Block, Span, blocks_of, subtract, union
from thwart.network.classes import HOST, OUTSIDE, POD, Class
from thwart.network.engine import Model
from thwart.network.model import BlockPeer
from thwart.network.sides import Cell

ALL, SOME, NONE, UNKNOWN = "all", "some", "-", "?"
_MOST_CELLS = 250_000  # of the matrix of namespaces, times what it costs to fill


class Group(Struct, frozen=True, kw_only=True):
    """A class of endpoints as people know them. `what` is `pod`, `host` or `outside`; `pods` counts pods that were read."""

    number: int
    what: str
    namespace: str
    names: tuple[str, ...]
    pods: int

    @property
    def label(self) -> str:
        """Names, cut when there are many."""
        shown = ", ".join(self.names[:3]) + (f" and {len(self.names) - 3} more" if len(self.names) > 3 else "")
        return f"{self.namespace}/{shown}" if self.namespace else shown


class Connection(Struct, frozen=True, kw_only=True):
    """Every source reaches every destination on these ports (a mask); `unknown` when nobody can say.

    Sources are kept as a set: a large world has far too many to list.
    """

    source_bits: int
    destinations: tuple[int, ...]
    ports: int
    unknown: bool = False

    @property
    def sources(self) -> tuple[int, ...]:
        """The numbers of the groups, ascending."""
        return tuple(members(self.source_bits))


class Map(Struct, frozen=True, kw_only=True):
    """The connectivity of a world. `matrix` is None when there are too many namespaces to show one.

    A group that stands on both sides of a connection means its pods among each other.
    """

    groups: tuple[Group, ...]
    connections: tuple[Connection, ...]
    areas: tuple[str, ...]
    matrix: dict[tuple[str, str], str] | None
    model: Model

    def ports(self, connection: Connection) -> str:
        """The ports in words."""
        return self.model.ports.describe(connection.ports)


def build_map(model: Model) -> Map:
    """Work out every row, and put equal ones together. Flows between two hosts or outside addresses are left out."""
    groups = tuple(_group(number, one, model.partition.block_peers) for number, one in enumerate(model.classes))
    areas = _areas(model)
    matrix = _Matrix(model, areas) if len(areas) ** 2 * len(groups) <= _MOST_CELLS * 100 else None
    pods = model.planes[4].index.everyone & ~model.planes[4].index.hosts & ~model.planes[4].index.outside
    joined: dict[tuple[int, int, bool], list[int]] = {}
    for destination, row in model.rows():
        sources = model.planes[4].everyone if model.classes[destination].what == POD else pods
        if _lonely(model.classes[destination]):
            sources &= ~(1 << destination)
        seen = [Cell(ports, allow & sources, ~(allow | deny) & sources) for ports, allow, deny in row]
        for ports, allow, unknown in seen:
            if allow:
                joined.setdefault((allow, ports, False), []).append(destination)
            if unknown:
                joined.setdefault((unknown, ports, True), []).append(destination)
        if matrix is not None:
            matrix.add(destination, seen, sources)
    connections = [
        Connection(source_bits=bits, destinations=tuple(found), ports=ports, unknown=unknown)
        for (bits, ports, unknown), found in joined.items()
    ]
    connections.sort(
        key=lambda one: (one.destinations, one.unknown, one.source_bits & -one.source_bits, one.source_bits, one.ports)
    )
    words = matrix.words() if matrix is not None else None
    return Map(groups=groups, connections=tuple(connections), areas=tuple(areas), matrix=words, model=model)


def _lonely(one: Class) -> bool:
    return one.is_one_host or (len(one.members) == 1 and one.members[0].single)


def _group(number: int, one: Class, peers: Sequence[BlockPeer]) -> Group:
    if one.what == OUTSIDE:
        names: tuple[str, ...] = _addresses(one, peers)
    elif one.what == HOST:
        hosted = tuple(sorted({f"{e.namespace}/{e.workload} (host network)" for e in one.members}))
        where = f"Node/{one.node}" if one.node else "every node" if one.everywhere else "a node"
        names = (where, *hosted)
    else:
        names = tuple(sorted({endpoint.workload for endpoint in one.members}))
    return Group(number=number, what=one.what, namespace=one.namespace, names=names, pods=len(one.members))


def _addresses(one: Class, peers: Sequence[BlockPeer]) -> tuple[str, ...]:
    if not any(one.blocks.values()):
        family = "addresses" if len(one.families) > 1 else f"IPv{min(one.families)} addresses"
        return (f"{family} in no block of a policy",) if peers else (f"any {family} outside",)
    found: list[str] = []
    for version, numbers in one.blocks.items():
        spans = union(span for family, span in one.spans if family == version)
        plain = [block for span in spans for block in blocks_of(version, span)]
        if len(plain) > 2 and numbers:
            plain = min(plain, _excepting(version, min((peers[n].block for n in numbers), key=_size), spans), key=len)
        found += plain
    return tuple(found)


def _size(block: Block) -> int:
    return block.last - block.first


def _excepting(version: int, block: Block, spans: list[Span]) -> list[str]:
    """The same addresses as a block with exceptions."""
    whole = Span(block.first, block.last)
    holes = [text for hole in subtract(whole, spans) for text in blocks_of(version, hole)]
    return [blocks_of(version, whole)[0], *(f"except {hole}" for hole in holes)]


def _area(one: Class) -> str:
    return one.namespace if one.what == POD else "(nodes)" if one.what == HOST else "(outside)"


def _areas(model: Model) -> list[str]:
    return list(dict.fromkeys(_area(one) for one in model.classes))


class _Matrix:
    """For every two namespaces: does everything reach everything, something something, or nothing."""

    def __init__(self, model: Model, areas: list[str]) -> None:
        self._model = model
        self._members = dict.fromkeys(areas, 0)
        for number, one in enumerate(model.classes):
            self._members[_area(one)] |= 1 << number
        self._words: dict[tuple[str, str], set[str]] = {}

    def add(self, destination: int, row: list[Cell], sources: int) -> None:
        """Count one row; its cells hold what is allowed and what is unknown."""
        some = unknown = 0
        every = sources
        for _, allow, doubt in row:
            some |= allow
            unknown |= doubt
            every &= allow
        there = _area(self._model.classes[destination])
        for area, inside in self._members.items():
            here = inside & sources
            if here:
                found = self._words.setdefault((area, there), set())
                found.add(ALL if every & here == here else SOME if some & here else NONE)
                if unknown & here:
                    found.add(UNKNOWN)

    def words(self) -> dict[tuple[str, str], str]:
        """One word for each pair that can be a flow."""
        return {pair: _word(found) for pair, found in self._words.items()}


def _word(found: set[str]) -> str:
    doubt = UNKNOWN if UNKNOWN in found else ""
    found = found - {UNKNOWN}
    if found == {ALL}:
        return ALL + doubt
    return NONE + doubt if found == {NONE} else SOME + doubt
