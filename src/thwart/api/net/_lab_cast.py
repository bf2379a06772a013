"""Who takes part in a proof: a world made concrete, and those of it that get a place in the lab."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from random import Random
from typing import NamedTuple, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from thwart.api.net._lab_probes import End
from thwart.core.finding import Diagnostic
from thwart.lib.intervals import Address, Span, parse_block, subtract
from thwart.network.classes import HOST, OUTSIDE, POD, Class
from thwart.network.engine import Model
from thwart.network.explain import Directory, Party
from thwart.network.model import BlockPeer, Endpoint, Node, NodePeer, World, leaves

T = TypeVar("T")

_RANGES = {
    4: ("10.128.0.0/9", "100.64.0.0/10", "172.16.0.0/12", "198.18.0.0/15", "10.0.0.0/9", "203.0.0.0/16"),
    6: ("fd74:6877::/64", "2001:db8:7468::/64", "fc00:7468::/64", "2001:2:0:7468::/64"),
}
# what no link can carry as the address of somebody: RFC 6890, and link-local IPv6, which needs a zone
_NOBODYS = {
    4: ("0.0.0.0/8", "127.0.0.0/8", "192.0.0.8/32", "169.254.1.1/32", "224.0.0.0/3"),
    6: ("::/8", "fe80::/10", "ff00::/8"),
}
_REPLICAS = 2
_LAB_NODES = ("lab-node-1", "lab-node-2")


# -- a world in which everybody has an address and a node ------------------------------------------------------------------


def make_concrete(world: World) -> tuple[World, list[Diagnostic]]:
    """The same world with every pod by itself: workloads as two pods, addresses and nodes given to those without."""
    pool = _Pool(world)
    names = [node.name for node in world.nodes]
    hosts = any(endpoint.host_network for endpoint in world.endpoints) or any(node.stated for node in world.nodes)
    if hosts and not names:
        names = list(_LAB_NODES)
    nodes = (
        {node.name: _placed(node, pool) for node in world.nodes} if hosts else {node.name: node for node in world.nodes}
    )
    for name in names:
        if name not in nodes:
            nodes[name] = Node(name=name, addresses=pool.take(), stated=False)
    endpoints = [
        one if one.addresses or one.host_network else replace(one, addresses=pool.take())
        for number, endpoint in enumerate(world.endpoints)
        for one in _pods(endpoint, names if hosts else [], number)
    ]
    notes = []
    if pool.given:
        message = f"{pool.given} pods and nodes without an address in these documents were given one for the proof"
        notes.append(Diagnostic(slug="addresses-given", message=message, incomplete=False))
    return replace(world, endpoints=tuple(endpoints), nodes=tuple(nodes[name] for name in sorted(nodes))), notes


def _placed(node: Node, pool: _Pool) -> Node:
    return node if node.addresses else replace(node, addresses=pool.take())


def _pods(endpoint: Endpoint, nodes: list[str], number: int) -> Iterator[Endpoint]:
    if endpoint.single or endpoint.addresses:
        yield replace(endpoint, node=endpoint.node or (nodes[number % len(nodes)] if nodes else ""))
        return
    places = (
        [endpoint.node]
        if endpoint.node
        else nodes[number % len(nodes) :] + nodes[: number % len(nodes)]
        if nodes
        else [""]
    )
    for replica in range(_REPLICAS):
        if endpoint.host_network and replica >= len(places):
            return  # another on the same node would be the same host
        name = f"{endpoint.name}-{replica + 1}"
        place = places[replica % len(places)]
        yield replace(endpoint, kind="Pod", name=name, node=place, single=True, everywhere=False)


class _Pool:
    """Addresses that nobody has, in as few blocks of the policies as possible."""

    def __init__(self, world: World) -> None:
        self.given = 0
        peers = list(_blocks(world))
        self._taken = {address for endpoint in world.endpoints for address in endpoint.addresses}
        self._taken |= {address for node in world.nodes for address in node.addresses}
        six = any(peer.block.version == 6 for peer in peers) or any(a.version == 6 for a in self._taken)
        self._next = {version: _range(version, peers) for version in ((4, 6) if six else (4,))}

    def take(self) -> tuple[Address, ...]:
        """One address of each family in use."""
        self.given += 1
        return tuple(self._one(version) for version in self._next)

    def _one(self, version: int) -> Address:
        while True:
            self._next[version] += 1
            found = Address(version, self._next[version])
            if found not in self._taken:
                return found


def _range(version: int, peers: list[BlockPeer]) -> int:
    def touched(text: str) -> int:
        block = parse_block(text)
        return sum(
            p.block.version == version and p.block.first <= block.last and p.block.last >= block.first for p in peers
        )

    return parse_block(min(_RANGES[version], key=touched)).first


def _blocks(world: World) -> Iterator[BlockPeer]:
    for policy in world.policies:
        for rule in (*policy.ingress, *policy.egress):
            for peer in rule.peers or ():
                yield from (leaf for leaf in leaves(peer) if isinstance(leaf, BlockPeer))


# -- those who take part ---------------------------------------------------------------------------------------------------


class Actor(NamedTuple):
    """One address that takes part: where it is, what the engine takes it for, and how people call it."""

    end: End
    party: Party
    what: str
    name: str


class Cast(Struct, frozen=True, kw_only=True):
    """Everybody in the lab. `boxes` are the addresses of each; `missing` counts classes, and chosen pods, without a place."""

    actors: tuple[Actor, ...]
    boxes: tuple[tuple[Address, ...], ...]
    endpoints: frozenset[int]
    missing: int
    pods: int
    hosts: int
    outside: int

    def pairs(self, *, hosts: bool) -> Iterator[tuple[Actor, list[Actor]]]:
        """Each destination with its sources: of its family, in another box, and one of the two a pod (or a host)."""
        subject = (POD, HOST) if hosts else (POD,)
        for there in self.actors:
            yield (
                there,
                [
                    here
                    for here in self.actors
                    if here.end.box != there.end.box
                    and here.end.address.version == there.end.address.version
                    and (here.what in subject or there.what in subject)
                ],
            )


def selects_hosts(world: World) -> bool:
    """Whether a policy may be about what hosts themselves send and take."""
    return any(isinstance(leaf, NodePeer) for policy in world.policies for leaf in leaves(policy.subject))


def choose(model: Model, directory: Directory, size: int, random: Random) -> Cast:
    """At most `size` pods, hosts and outside addresses each; of every class one before a second of any."""
    owners = _owners(model.world)
    pods, missing = _pick(_members(model, POD), size, random)
    boxes: list[tuple[Address, ...]] = []
    actors: list[Actor] = []
    for endpoint in pods:
        own = _one_of_each(address for address in endpoint.addresses if owners[address] == 1 and _usable(address))
        for address in own:
            party = Party(model.partition.of_endpoint[id(endpoint)], endpoint, address)
            actors.append(Actor(End(len(boxes), address), party, POD, f"{endpoint.namespace}/{endpoint.name}"))
        if own:
            boxes.append(own)
        else:
            missing += 1
    inside = len(boxes)
    hosts, more = _pick(_hosts(model, owners), size, random)
    outside, most = _pick(_outside(model, owners, random), size, random)
    for what, found in ((HOST, hosts), (OUTSIDE, outside)):
        for name, address in found:
            actors.append(Actor(End(len(boxes), address), directory.ip(str(address)), what, name))
        if found:
            boxes.append(tuple(address for _, address in found))
    return Cast(
        actors=tuple(actors),
        boxes=tuple(boxes),
        endpoints=frozenset(map(id, pods)),
        missing=missing + more + most,
        pods=inside,
        hosts=len(hosts),
        outside=len(outside),
    )


def _pick(classes: list[list[T]], size: int, random: Random) -> tuple[list[T], int]:
    """At most `size` of all; the number of classes of which there is none."""
    for members in classes:
        random.shuffle(members)
    if sum(map(len, classes)) <= size:
        return [one for members in classes for one in members], 0
    random.shuffle(classes)
    rounds = (members[turn] for turn in range(max(map(len, classes))) for members in classes if turn < len(members))
    return [one for one, _ in zip(rounds, range(size), strict=False)], max(0, len(classes) - size)


def _members(model: Model, what: str) -> list[list[Endpoint]]:
    return [list(one.members) for one in model.classes if one.what == what]


def _hosts(model: Model, owners: Mapping[Address, int]) -> list[list[tuple[str, Address]]]:
    nodes = {node.name: node for node in model.world.nodes}
    found = []
    for one in model.classes:
        if one.what == HOST:
            own = {a for member in one.members for a in member.addresses}
            own.update(nodes[one.node].addresses if one.node in nodes else ())
            name = f"node {one.node}" if one.node else f"host of {one.members[0].namespace}/{one.members[0].name}"
            usable = _one_of_each(a for a in sorted(own) if owners.get(a, 1) == 1 and _usable(a))
            found.append([(name, address) for address in usable])
    return [addresses for addresses in found if addresses]


def _outside(model: Model, owners: Mapping[Address, int], random: Random) -> list[list[tuple[str, Address]]]:
    found = []
    for one in model.classes:
        if one.what == OUTSIDE:
            for version in sorted(one.families):
                address = _free(one, version, owners, random)
                if address is not None and version in model.planes:
                    found.append([(str(address), address)])
    return found


def _free(one: Class, version: int, owners: Mapping[Address, int], random: Random) -> Address | None:
    """An address of a class that nobody has and a link can carry."""
    usable = [part for family, span in one.spans if family == version for part in _carried(version, span)]
    for _ in range(4):
        for span in random.sample(usable, min(len(usable), 16)):
            bounds = (span.first, span.last, random.randint(span.first, span.last))
            for value in random.sample(bounds, len(bounds)):
                if Address(version, value) not in owners:
                    return Address(version, value)
    return None


def _carried(version: int, span: Span) -> list[Span]:
    return subtract(span, (Span(block.first, block.last) for block in map(parse_block, _NOBODYS[version])))


def _usable(address: Address) -> bool:
    return bool(_carried(address.version, Span(address.value, address.value)))


def _one_of_each(addresses: Iterable[Address]) -> tuple[Address, ...]:
    found: dict[int, Address] = {}
    for address in addresses:
        found.setdefault(address.version, address)
    return tuple(found.values())


def _owners(world: World) -> dict[Address, int]:
    """How many have each address; all that share a node's network are one."""
    found: dict[Address, set[object]] = {}
    for number, endpoint in enumerate(world.endpoints):
        who = f"node {endpoint.node}" if endpoint.host_network and endpoint.node else number
        for address in endpoint.addresses:
            found.setdefault(address, set()).add(who)
    for node in world.nodes:
        for address in node.addresses:
            found.setdefault(address, set()).add(f"node {node.name}")
    return {address: len(who) for address, who in found.items()}
