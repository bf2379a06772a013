"""The ends of flows that intents tell apart: classes of the model, cut by what the parties of intents look at.

Whether a flow is possible is a matter of classes alone, so that the model is not made anew for an intent: a party is a
set of ends, each end lies in one class, and only who is meant and how many there are is asked of ends.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from thwart.lib.bitsets import members, pack
from thwart.lib.intervals import WIDTHS, Address, Span, cover, parse_address
from thwart.network.classes import HOST, OUTSIDE, Class
from thwart.network.engine import Model
from thwart.network.intents.form import Everyone, Named, OneOf, Party, Without, leaves
from thwart.network.model import BlockPeer, Endpoint, NodePeer, OutsidePeer, PodPeer, World
from thwart.network.selectors import Requirement, Selector, matches

Held = frozenset[int]  # numbers of blocks, or of names


_USUAL = tuple(map(parse_address, ("203.0.113.1", "198.51.100.1", "192.0.2.1", "2001:db8::1")))


class End(NamedTuple):
    """Pods or workloads (`members`), a node, or addresses outside (`spans`) that no intent tells apart."""

    number: int  # of the class
    what: str
    namespace: str = ""
    labels: frozenset[tuple[str, str]] = frozenset()
    ports: frozenset[tuple[str, str, int]] = frozenset()
    names: Held = frozenset()
    blocks: Held = frozenset()
    members: tuple[Endpoint, ...] = ()
    spans: tuple[tuple[int, Span], ...] = ()

    @property
    def size(self) -> int:
        """How many there are; addresses outside count as one."""
        return len(self.members) or 1

    @property
    def singles(self) -> int:
        """How many of them are one pod or one node, which has no flow to itself."""
        return sum(member.single for member in self.members) if self.members else 1


class _Key(NamedTuple):
    """What intents see of an endpoint."""

    namespace: str
    labels: frozenset[tuple[str, str]]
    ports: frozenset[tuple[str, str, int]]
    names: Held
    blocks: Held


class Found(NamedTuple):
    """A party as a set of ends. `explicit` are those that were not meant by `any` only."""

    ends: int
    explicit: int


class Ends:
    """All ends of a model, for intents that speak of these parties and names of ports.

    The first end of class i is end i; the other ends of the same class stand behind all of these.
    """

    def __init__(self, model: Model, parties: Iterable[Party], port_names: Iterable[str]) -> None:
        self.model = model
        cut = _Cut([leaf for party in parties for leaf in leaves(party)], frozenset(port_names))
        self.classes = len(model.classes)
        self._known = known_addresses(model.world)
        self._stated = {node.name: node for node in model.world.nodes}
        first: list[End] = []
        more: list[End] = []
        for number, one in enumerate(model.classes):
            head, *rest = list(self._cut_class(number, one, cut)) or [End(number, OUTSIDE)]
            first.append(head)
            more += rest
        self.ends = first + more
        self.size = len(self.ends)
        self._others: dict[int, list[int]] = {}
        for number, end in enumerate(more, self.classes):
            self._others.setdefault(end.number, []).append(number)
        self.split = pack(self._others, self.classes)  # classes of several ends
        # a class of addresses that pods and nodes have is nobody
        self.everyone = pack((i for i, e in enumerate(self.ends) if e.what != OUTSIDE or e.spans), self.size)
        self.outside = pack((i for i, e in enumerate(self.ends) if e.spans), self.size)
        self._nodes = [i for i, e in enumerate(self.ends) if e.what == HOST]
        self._pods = pack((i for i, e in enumerate(self.ends) if e.members), self.size)
        self._of_namespace = self._by(lambda end: (end.namespace,) if end.members else ())
        self._having = self._by(lambda end: (key for key, _ in end.labels) if end.members else ())
        self._valued = self._by(lambda end: end.labels if end.members else ())
        self._numbered = cut.numbers
        self._of_number = self._by(lambda end: (*end.names, *end.blocks))
        self._kept: dict[object, int] = {}
        # ends outside that make good examples, and their classes
        usual = [i for i, end in enumerate(self.ends) if end.spans and any(_holds(end.spans, one) for one in _USUAL)]
        self.usual = frozenset(usual)
        self.usual_classes = list(dict.fromkeys(self.ends[one].number for one in usual))

    # -- making -----------------------------------------------------------------------------------------------------

    def _cut_class(self, number: int, one: Class, cut: _Cut) -> Iterable[End]:
        if one.what == OUTSIDE:
            yield from self._outside(number, one, cut)
            return
        shared: Held = frozenset()
        if one.what == HOST:
            node = self._stated.get(one.node)
            addresses = [address for member in one.members for address in member.addresses]
            shared = cut.blocks_of((*(node.addresses if node else ()), *addresses))
            yield End(number, HOST, labels=cut.project_all(one.labels), blocks=shared)
        grouped: dict[_Key, list[Endpoint]] = {}
        if cut.sees_one(one):
            grouped[cut.key(one.members[0])] = list(one.members)
        else:
            for member in one.members:
                grouped.setdefault(cut.key(member), []).append(member)
        for key, found in grouped.items():
            blocks = key.blocks | shared
            yield End(number, one.what, key.namespace, key.labels, key.ports, key.names, blocks, tuple(found))

    def _outside(self, number: int, one: Class, cut: _Cut) -> Iterable[End]:
        grouped: dict[Held, list[tuple[int, Span]]] = {}
        for version, span in one.spans:
            for piece, blocks in cut.within(version, span):
                grouped.setdefault(blocks, []).append((version, piece))
        for blocks, spans in grouped.items():
            if free_address(spans, self._known) is not None:
                yield End(number, OUTSIDE, blocks=blocks, spans=tuple(spans))

    def address(self, end: End) -> Address:
        """An address outside that the end stands for."""
        found = example_address(end.spans, self._known)
        if found is None:
            raise RuntimeError("an end without addresses was met")
        return found

    def _by(self, keys: Callable[[End], Iterable[object]]) -> dict[object, list[int]]:
        found: dict[object, list[int]] = {}
        for number, end in enumerate(self.ends):
            for key in keys(end):
                found.setdefault(key, []).append(number)
        return found

    # -- asking -----------------------------------------------------------------------------------------------------

    def of_class(self, number: int, bits: int) -> list[int]:
        """The ends of a class that are in a set."""
        others = self._others.get(number)
        if others is None:
            return [number] if bits >> number & 1 else []
        return [one for one in (number, *others) if bits >> one & 1]

    def lift(self, bits: int) -> int:
        """The classes that hold an end of a set."""
        found = bits & ((1 << self.classes) - 1)
        for one in members(bits >> self.classes):
            found |= 1 << self.ends[self.classes + one].number
        return found

    def find(self, party: Party) -> Found:
        """The ends that a party means."""
        if isinstance(party, Everyone):
            return Found(self.everyone, 0)
        if isinstance(party, OneOf):
            parts = [self.find(part) for part in party.parts]
            ends = explicit = 0
            for part in parts:
                ends, explicit = ends | part.ends, explicit | part.explicit
            return Found(ends, explicit)
        if isinstance(party, Without):
            here, but = self.find(party.party), self.find(party.but)
            return Found(here.ends & ~but.ends, here.explicit & ~but.ends)
        bits = self._leaf(party) & self.everyone
        return Found(bits, bits)

    def _leaf(self, party: Named | PodPeer | BlockPeer | NodePeer | OutsidePeer) -> int:
        if isinstance(party, OutsidePeer):
            return self.outside
        if isinstance(party, Named | BlockPeer):
            number = self._numbered[party]
            return self._set(("number", number), self._of_number, number)
        if isinstance(party, PodPeer):
            return self._where(party) & self._labelled(party.pods)
        return self._on_nodes(party.nodes)

    def _on_nodes(self, selector: Selector) -> int:
        """Nodes that a selector finds, and what runs in their network: no policy can tell these from them."""
        nodes = self._stated
        found = set()
        for number in self._nodes:
            one = self.model.classes[self.ends[number].number]
            if not selector or (one.node in nodes and matches(selector, nodes[one.node].labels)):
                found.add(number)
        return pack(found, self.size)

    def _set(self, key: object, table: dict[object, list[int]], of: object) -> int:
        bits = self._kept.get(key)
        if bits is None:
            bits = self._kept[key] = pack(table.get(of, ()), self.size)
        return bits

    def namespace(self, name: str) -> int:
        """The pods of a namespace."""
        return self._set(("namespace", name), self._of_namespace, name)

    def _where(self, party: PodPeer) -> int:
        if party.namespace is not None:
            return self.namespace(party.namespace)
        if not party.namespaces:
            return self._pods
        key = ("namespaces", party.namespaces)
        if key not in self._kept:
            namespaces = self.model.world.namespaces.values()
            names = [one.name for one in namespaces if matches(party.namespaces, one.labels)]
            self._kept[key] = pack((i for name in names for i in self._of_namespace.get(name, ())), self.size)
        return self._kept[key]

    def _labelled(self, selector: Selector) -> int:
        bits = self._kept.get(("labels", selector))
        if bits is None:
            bits = self._pods
            for requirement in selector:
                bits &= self._required(requirement)
            self._kept["labels", selector] = bits
        return bits

    def _required(self, requirement: Requirement) -> int:
        key, operator, values = requirement
        if operator in ("Exists", "DoesNotExist"):
            bits = self._set(("key", key), self._having, key)
        else:
            bits = 0
            for value in values:
                bits |= self._set(("value", key, value), self._valued, (key, f"={value}"))
        return bits if operator in ("Exists", "In") else self._pods & ~bits


class _Cut:
    """What the parties of intents look at."""

    def __init__(self, parties: list[Party], port_names: frozenset[str]) -> None:
        self._port_names = port_names
        self._values: dict[str, set[str]] = {}
        self.numbers: dict[Named | BlockPeer, int] = {}
        self._names: dict[tuple[str, str], int] = {}
        self._speakers: set[str] = set()
        blocks: dict[int, list[tuple[int, list[Span]]]] = {version: [] for version in WIDTHS}
        for party in parties:
            if isinstance(party, PodPeer):
                for requirement in party.pods:
                    self._values.setdefault(requirement.key, set()).update(requirement.values)
            elif isinstance(party, Named | BlockPeer) and party not in self.numbers:
                number = self.numbers[party] = len(self.numbers)
                if isinstance(party, BlockPeer):
                    span = Span(party.block.first, party.block.last)
                    blocks[party.block.version].append((number, [span]))
                else:
                    self._names[party.namespace, party.name] = number
                    self._speakers.add(party.namespace)
        self._has_blocks = any(blocks.values())
        self._pieces = {v: cover(Span(0, (1 << width) - 1), blocks[v]) for v, width in WIDTHS.items()}
        self._starts = {version: [piece.first for piece, _ in pieces] for version, pieces in self._pieces.items()}
        self._projected: dict[int, frozenset[tuple[str, str]]] = {}

    def sees_one(self, one: Class) -> bool:
        """Whether nothing can tell the pods of a class apart: they share labels and ports, and nothing else is looked at."""
        if one.what == HOST or not one.members or self._has_blocks or one.namespace in self._speakers:
            return False
        first = one.members[0]
        return all(
            member.labels is first.labels and (not self._port_names or member.ports == first.ports)
            for member in one.members
        )

    def key(self, endpoint: Endpoint) -> _Key:
        """Endpoints of one class and one key are one end."""
        labels = self._projected.get(id(endpoint.labels))
        if labels is None:
            labels = self._projected[id(endpoint.labels)] = self.project_all(endpoint.labels)
        names: Held = frozenset()
        if endpoint.namespace in self._speakers:
            names = frozenset(
                self._names[endpoint.namespace, name]
                for name in _names(endpoint)
                if (endpoint.namespace, name) in self._names
            )
        ports = (
            frozenset((p.name, p.protocol, p.number) for p in endpoint.ports if p.name in self._port_names)
            if self._port_names
            else frozenset()
        )
        return _Key(endpoint.namespace, labels, ports, names, self.blocks_of(endpoint.addresses))

    def project_all(self, labels: dict[str, str]) -> frozenset[tuple[str, str]]:
        """Labels as selectors see them: keys in use, and values that some selector names."""
        found = ((key, value, self._values.get(key)) for key, value in labels.items())
        return frozenset((k, f"={v}" if v in named else "") for k, v, named in found if named is not None)

    def blocks_of(self, addresses: Iterable[Address]) -> Held:
        """The blocks that hold one of the addresses."""
        if not self._has_blocks:
            return frozenset()
        found: set[int] = set()
        for version, value in addresses:
            found |= self._pieces[version][bisect_right(self._starts[version], value) - 1][1]
        return frozenset(found)

    def within(self, version: int, span: Span) -> Iterable[tuple[Span, Held]]:
        """A span cut by the blocks."""
        at = bisect_right(self._starts[version], span.first) - 1
        for piece, blocks in self._pieces[version][at:]:
            if piece.first > span.last:
                break
            yield Span(max(piece.first, span.first), min(piece.last, span.last)), blocks


def _holds(spans: Iterable[tuple[int, Span]], address: Address) -> bool:
    return any(version == address.version and first <= address.value <= last for version, (first, last) in spans)


def _names(endpoint: Endpoint) -> set[str]:
    """What an endpoint may be called, as `Directory` has it."""
    plain = endpoint.workload.partition("/")[2]
    return {endpoint.name, f"{endpoint.kind}/{endpoint.name}", endpoint.workload, plain}


def known_addresses(world: World) -> dict[int, list[int]]:
    """The addresses of pods and nodes, sorted, for each family."""
    found: dict[int, set[int]] = {version: set() for version in WIDTHS}
    holders = (world.endpoints, world.nodes)
    for version, value in (address for one in holders for holder in one for address in holder.addresses):
        found[version].add(value)
    return {version: sorted(values) for version, values in found.items()}


def free_address(spans: Iterable[tuple[int, Span]], known: dict[int, list[int]]) -> Address | None:
    """The first address of some spans that no pod and no node has."""
    for version, span in spans:
        taken, value = known[version], span.first
        at = bisect_left(taken, value)
        while at < len(taken) and taken[at] == value:
            value, at = value + 1, at + 1
        if value <= span.last:
            return Address(version, value)
    return None


def example_address(spans: Sequence[tuple[int, Span]], known: dict[int, list[int]]) -> Address | None:
    """An address of some spans that is nobody's: one for examples (RFC 5737, RFC 3849) if it can be, else the first."""
    for usual in _USUAL:
        here = [(usual.version, Span(usual.value, usual.value))]
        if _holds(spans, usual) and free_address(here, known):
            return usual
    return free_address(spans, known)
