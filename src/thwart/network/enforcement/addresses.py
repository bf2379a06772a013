"""Peers as sets of addresses, worked out from labels and documents alone: nothing of the analysis is used here.

Two sets stand for one peer: the addresses that are surely meant, and those that may be.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from thwart.lib.intervals import WIDTHS, Address, Span, subtract, union
from thwart.network.model import (
    AccountPeer,
    AllOf,
    AnyOf,
    BlockPeer,
    Endpoint,
    Maybe,
    NamePeer,
    Node,
    NodePeer,
    Not,
    OutsidePeer,
    Peer,
    PodPeer,
    World,
)
from thwart.network.selectors import Selector, matches

Spans = tuple[Span, ...]


class Seat(NamedTuple):
    """Who has addresses: a pod (or the pods of a workload), or a host with all that runs in its network."""

    number: int
    endpoint: Endpoint | None
    node: Node | None
    addresses: tuple[Address, ...]


class Meant(NamedTuple):
    """What a peer means: surely, and at most."""

    sure: Spans
    most: Spans


class Chosen(NamedTuple):
    """Seats: surely, and at most."""

    sure: frozenset[int]
    most: frozenset[int]


def whole(version: int) -> Spans:
    """Every address of a family."""
    return (Span(0, (1 << WIDTHS[version]) - 1),)


class Seats:
    """The seats of a world, and what peers mean among them and outside."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.all = tuple(_seats(world))
        self._hosts = frozenset(seat.number for seat in self.all if seat.endpoint is None)
        self._groups: dict[str, dict[tuple[tuple[str, str], ...], list[int]]] = {}
        for seat in self.all:
            if seat.endpoint is not None:
                alike = self._groups.setdefault(seat.endpoint.namespace, {})
                alike.setdefault(tuple(sorted(seat.endpoint.labels.items())), []).append(seat.number)
        everyone = range(len(self.all))
        self._inside = {version: self._addresses(everyone, version) for version in WIDTHS}
        known = sorted({address for seat in self.all for address in seat.addresses})
        self._values = {version: [a.value for a in known if a.version == version] for version in WIDTHS}
        self._meant: dict[tuple[Peer, int], Meant] = {}
        self._pods: dict[PodPeer, frozenset[int]] = {}
        self._namespaces: dict[Selector, tuple[str, ...]] = {}

    def _addresses(self, numbers: Iterable[int], version: int) -> Spans:
        found = (address for number in numbers for address in self.all[number].addresses)
        return tuple(union(Span(a.value, a.value) for a in found if a.version == version))

    def selected(self, peer: Peer) -> Iterator[tuple[Address, bool]]:
        """The addresses of pods and hosts that a peer, as the subject of a policy, selects; and whether it surely does.

        Calico's rules look at the source's address too, so that one address of a pod may be selected and another not.
        """
        for version in WIDTHS:
            sure, most = self.meant(peer, version)
            surely = set(self._within(version, sure))
            yield from ((Address(version, value), value in surely) for value in self._within(version, most))

    def _within(self, version: int, spans: Spans) -> Iterator[int]:
        values = self._values[version]
        for span in spans:
            yield from values[bisect_left(values, span.first) : bisect_right(values, span.last)]

    def pods(self, peer: PodPeer) -> frozenset[int]:
        """The pods that a peer selects; never one in its host's network."""
        found = self._pods.get(peer)
        if found is None:
            names = (peer.namespace,) if peer.namespace is not None else self._in_namespaces(peer.namespaces)
            found = self._pods[peer] = frozenset(
                number
                for name in names
                for labels, numbers in self._groups.get(name, {}).items()
                if not peer.pods or matches(peer.pods, dict(labels))
                for number in numbers
            )
        return found

    def _in_namespaces(self, selector: Selector) -> tuple[str, ...]:
        found = self._namespaces.get(selector)
        if found is None:
            every = self._world.namespaces.values()
            found = self._namespaces[selector] = tuple(n.name for n in every if matches(selector, n.labels))
        return found

    def _chosen(self, peer: PodPeer | NodePeer | AccountPeer) -> Chosen:
        if isinstance(peer, NodePeer):
            return self._nodes(peer)
        found = self.pods(peer) if isinstance(peer, PodPeer) else self._accounts(peer)
        return Chosen(found, found)

    def _accounts(self, peer: AccountPeer) -> frozenset[int]:
        pods = (seat for seat in self.all if seat.endpoint is not None)
        return frozenset(
            s.number for s in pods if s.endpoint and (s.endpoint.namespace, s.endpoint.account) in peer.accounts
        )

    def _nodes(self, peer: NodePeer) -> Chosen:
        sure, most = set(), set()
        for number in self._hosts:
            node = self.all[number].node
            told = node is not None and node.stated
            if not peer.nodes or (told and node is not None and matches(peer.nodes, node.labels)):
                sure.add(number)
            elif not told:
                most.add(number)
        return Chosen(frozenset(sure), frozenset(sure | most))

    def meant(self, peer: Peer, version: int) -> Meant:
        """The addresses of a family that a peer means."""
        found = self._meant.get((peer, version))
        if found is None:
            found = self._meant[peer, version] = self._mean(peer, version)
        return found

    def _mean(self, peer: Peer, version: int) -> Meant:
        if isinstance(peer, BlockPeer):
            spans = _block(peer) if peer.block.version == version else ()
            return Meant(spans, spans)
        if isinstance(peer, OutsidePeer | NamePeer):
            outside = _rest(version, self._inside[version])
            return Meant(outside if isinstance(peer, OutsidePeer) else (), outside)
        if isinstance(peer, Maybe):
            return Meant((), self.meant(peer.part, version).most)
        if isinstance(peer, Not):
            sure, most = self.meant(peer.part, version)
            return Meant(_rest(version, most), _rest(version, sure))
        if isinstance(peer, AnyOf | AllOf):
            return _compose(peer, [self.meant(part, version) for part in peer.parts], version)
        return self._of_seats(peer, version)

    def _of_seats(self, peer: PodPeer | NodePeer | AccountPeer, version: int) -> Meant:
        sure, most = self._chosen(peer)
        certain = self._addresses(sure, version)
        possible = certain if most == sure else self._addresses(most, version)
        if isinstance(peer, NodePeer) and not any(node.stated for node in self._world.nodes):
            outside = _rest(version, self._inside[version])
            possible = tuple(union((*possible, *outside)))  # one of them may be a node's
        return Meant(certain, possible)


def _seats(world: World) -> Iterator[Seat]:
    number = 0
    for endpoint in world.endpoints:
        if not endpoint.host_network:
            yield Seat(number, endpoint, None, endpoint.addresses)
            number += 1
    nodes = {node.name: node for node in world.nodes}
    hosts: dict[str, set[Address]] = {node.name: set() for node in world.nodes if node.stated}
    alone: list[Endpoint] = []
    for endpoint in world.endpoints:
        if endpoint.host_network and endpoint.node:
            hosts.setdefault(endpoint.node, set()).update(endpoint.addresses)
        elif endpoint.host_network:
            alone.append(endpoint)
    for name, addresses in sorted(hosts.items()):
        node = nodes.get(name) or Node(name=name, stated=False)
        yield Seat(number, None, node, tuple(sorted(addresses | {*node.addresses})))
        number += 1
    for endpoint in alone:
        yield Seat(number, None, None, endpoint.addresses)
        number += 1


def _block(peer: BlockPeer) -> Spans:
    holes = (Span(hole.first, hole.last) for hole in peer.excepted if hole.version == peer.block.version)
    return tuple(subtract(Span(peer.block.first, peer.block.last), holes))


def _rest(version: int, spans: Spans) -> Spans:
    """Every address of a family that is not in the spans."""
    return tuple(subtract(whole(version)[0], spans))


def _compose(peer: AnyOf | AllOf, parts: list[Meant], version: int) -> Meant:
    if isinstance(peer, AnyOf):
        return Meant(
            tuple(union(span for part in parts for span in part.sure)),
            tuple(union(span for part in parts for span in part.most)),
        )
    out = Meant(
        tuple(union(hole for part in parts for hole in _rest(version, part.sure))),
        tuple(union(hole for part in parts for hole in _rest(version, part.most))),
    )
    return Meant(_rest(version, out.sure), _rest(version, out.most))
