"""Edges as what each side must let through, generalised as far as asked and no further."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

from msgspec import Struct, field

from thwart.lib.intervals import WIDTHS, Address, Block, Span, union
from thwart.network.model import EGRESS, INGRESS, Endpoint, Namespace, World
from thwart.network.synthesis.asking import (
    Anyone,
    Labels,
    Options,
    Outside,
    Peer,
    Pods,
    Ports,
    PortSet,
    Request,
    Whole,
    minus,
    port_set,
)
from thwart.network.synthesis.labels import stable

_SYSTEM = frozenset({"kube-system", "kube-public", "kube-node-lease"})
_SYSTEM_PREFIX = "openshift-"

Side = dict[Pods, dict[Peer, set[Ports]]]  # for each kind of pods, its peers and the ports


class Unit(Struct, frozen=True, kw_only=True):
    """Pods of a namespace that stable labels do not tell apart: what a policy speaks of at the finest."""

    pods: Pods
    members: tuple[Endpoint, ...]

    @property
    def workloads(self) -> tuple[str, ...]:
        """The workloads, as `Kind/name`."""
        return tuple(sorted({member.workload for member in self.members}))


class Land:
    """A world with the phantoms of a request, and its pods in units."""

    def __init__(self, world: World, request: Request, options: Options) -> None:
        self.endpoints = (*world.endpoints, *request.phantoms.values())
        self.namespaces = dict(world.namespaces)
        for phantom in request.phantoms.values():
            name = phantom.namespace
            self.namespaces.setdefault(name, Namespace(name=name, labels={"kubernetes.io/metadata.name": name}))
        found: dict[Pods, list[Endpoint]] = {}
        of_labels: dict[int, Labels] = {}
        for endpoint in self.endpoints:
            if not endpoint.host_network:
                labels = of_labels.get(id(endpoint.labels))
                if labels is None:
                    labels = of_labels[id(endpoint.labels)] = stable(endpoint.labels)
                found.setdefault(Pods(endpoint.namespace, labels), []).append(endpoint)
        self.units = {pods: Unit(pods=pods, members=tuple(members)) for pods, members in sorted(found.items())}
        self.of_namespace: dict[str, list[Pods]] = {}
        for pods in self.units:
            self.of_namespace.setdefault(pods.namespace, []).append(pods)
        self.selected = self._selected(world, options)

    def _selected(self, world: World, options: Options) -> frozenset[str]:
        if options.namespaces is not None:
            return options.namespaces
        read = {endpoint.namespace for endpoint in world.endpoints}
        return frozenset(name for name in read if name not in _SYSTEM and not name.startswith(_SYSTEM_PREFIX))

    def known(self) -> list[Address]:
        """The addresses of pods and nodes."""
        return [address for endpoint in self.endpoints for address in endpoint.addresses]


class Plan(Struct, kw_only=True):
    """What pods must let out and in."""

    egress: Side = field(default_factory=dict)
    ingress: Side = field(default_factory=dict)

    def side(self, direction: str) -> Side:
        """One of the two."""
        return self.ingress if direction == INGRESS else self.egress


def plan_of(edges: dict[tuple[Peer, Peer], set[Ports]], land: Land, options: Options) -> Plan:
    """What each side of the edges must let through, exactly. Only pods of selected namespaces are held to it."""
    plan = Plan()
    for (source, destination), ports in edges.items():
        for own, other, side, direction in (
            (source, destination, plan.egress, EGRESS),
            (destination, source, plan.ingress, INGRESS),
        ):
            if direction not in options.directions:
                continue
            for pods in _subjects(own, land):
                side.setdefault(pods, {}).setdefault(other, set()).update(ports)
    return plan


def _subjects(peer: Peer, land: Land) -> Iterable[Pods]:
    if isinstance(peer, Pods):
        return (peer,) if peer.namespace in land.selected and peer in land.units else ()
    if isinstance(peer, Whole):
        return land.of_namespace.get(peer.namespace, ()) if peer.namespace in land.selected else ()
    return ()


def generalised(plan: Plan, land: Land, options: Options, taken: Sequence[Address]) -> Plan:
    """The plan with its peers widened as far as the options ask."""
    prefixes = dict(options.prefixes)
    merge = {
        version: (width - prefixes.get(version, width), sorted(a.value for a in taken if a.version == version))
        for version, width in WIDTHS.items()
    }
    if options.generalize == "workload":
        plan = Plan(egress=_by_workload(plan.egress, land), ingress=_by_workload(plan.ingress, land))
    widened = Plan()
    for direction in (EGRESS, INGRESS):
        side = widened.side(direction)
        for pods, peers in plan.side(direction).items():
            found: dict[Peer, set[Ports]] = {}
            for peer, ports in peers.items():
                wide = Whole(peer.namespace) if options.generalize == "namespace" and isinstance(peer, Pods) else peer
                found.setdefault(wide, set()).update(ports)
            side[pods] = _without_covered(_merged_blocks(found, merge))
    return widened


def _by_workload(side: Side, land: Land) -> Side:
    """All pods of one workload alike, whatever their labels."""
    of_workload: dict[tuple[str, str], list[Pods]] = {}
    for pods, unit in land.units.items():
        for workload in unit.workloads:
            of_workload.setdefault((pods.namespace, workload), []).append(pods)

    def alike(peer: Peer) -> list[Peer]:
        if not isinstance(peer, Pods):
            return [peer]
        names = ((peer.namespace, workload) for workload in land.units[peer].workloads)
        return list(dict.fromkeys(pods for name in names for pods in of_workload[name]))

    found: Side = {}
    for pods, peers in side.items():
        for own in alike(pods):
            for peer, ports in peers.items():
                for other in alike(peer):
                    if isinstance(own, Pods):
                        found.setdefault(own, {}).setdefault(other, set()).update(ports)
    return found


def _merged_blocks(peers: dict[Peer, set[Ports]], merge: dict[int, tuple[int, list[int]]]) -> dict[Peer, set[Ports]]:
    """Addresses with equal ports merged to blocks: losslessly, and up to the width that is allowed."""
    found: dict[Peer, set[Ports]] = {}
    by_ports: dict[PortSet, list[Block]] = {}
    for peer, asked in peers.items():
        if isinstance(peer, Outside) and not peer.excepted:
            by_ports.setdefault(port_set(asked), []).append(peer.block)
        else:
            found[peer] = asked
    for ports, blocks in by_ports.items():
        for version, (free, avoided) in merge.items():
            own = [block for block in blocks if block.version == version]
            for block in widen(own, free, avoided) if own else ():
                found.setdefault(Outside(block), set()).update(ports)
    return found


def widen(blocks: list[Block], free: int, avoided: list[int]) -> list[Block]:
    """The fewest blocks that hold the given ones, each at most 2**free addresses wide or as given.

    A block that would hold an avoided address that none of the given ones has is split until it does not. `avoided`
    is sorted.
    """
    groups: dict[int, list[Block]] = {}
    wide = []
    for block in blocks:
        if block.last >> free == block.first >> free:
            groups.setdefault(block.first >> free, []).append(block)
        else:
            wide.append(block)
    for group in groups.values():
        wide += _hull(group, avoided)
    return _blocks(wide)


def _hull(blocks: list[Block], avoided: list[int]) -> list[Block]:
    version = blocks[0].version
    first, last = min(block.first for block in blocks), max(block.last for block in blocks)
    size = (first ^ last).bit_length()
    start = first >> size << size
    hull = Block(version, start, start + (1 << size) - 1)
    near = avoided[bisect_left(avoided, hull.first) : bisect_right(avoided, hull.last)]
    if size == 0 or hull in blocks or all(any(b.first <= value <= b.last for b in blocks) for value in near):
        return [hull]
    middle = start + (1 << (size - 1))
    low = [block for block in blocks if block.last < middle]
    high = [block for block in blocks if block.first >= middle]
    return [*(_hull(low, avoided) if low else ()), *(_hull(high, avoided) if high else ())]


def _blocks(blocks: list[Block]) -> list[Block]:
    """The same addresses as the fewest CIDR blocks."""
    spans = [Span(block.first, block.last) for block in blocks]
    return blocks_of_spans(blocks[0].version, spans) if blocks else []


def blocks_of_spans(version: int, spans: Iterable[Span]) -> list[Block]:
    """The fewest CIDR blocks that make up some addresses."""
    found = []
    for first, last in union(spans):
        at = first
        while at <= last:
            aligned = (at & -at).bit_length() - 1 if at else WIDTHS[version]
            size = 1 << min(aligned, (last - at + 1).bit_length() - 1)
            found.append(Block(version, at, at + size - 1))
            at += size
    return found


def _without_covered(peers: dict[Peer, set[Ports]]) -> dict[Peer, set[Ports]]:
    """Without what a wider peer of the same side allows anyway."""
    wide = [peer for peer in peers if not isinstance(peer, Pods) and not _one_address(peer)]
    found = {}
    for peer, ports in peers.items():
        left = port_set(ports)
        for other in wide:
            if other != peer and _holds(other, peer):
                left = minus(left, peers[other])
        if left:
            found[peer] = set(left)
    return found


def _one_address(peer: Peer) -> bool:
    return isinstance(peer, Outside) and peer.block.first == peer.block.last


def _holds(wide: Peer, narrow: Peer) -> bool:
    if isinstance(wide, Whole) and isinstance(narrow, Pods):
        return wide.namespace == narrow.namespace
    if isinstance(wide, Outside) and isinstance(narrow, Outside) and not wide.excepted:
        whole, part = wide.block, narrow.block
        return whole.version == part.version and whole.first <= part.first and part.last <= whole.last
    return isinstance(wide, Anyone)
