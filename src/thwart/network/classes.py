"""Classes of endpoints: what no policy in use can tell apart is one. Exact, by cutting at the bounds in use."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import chain

from msgspec import Struct

from thwart.lib.intervals import WIDTHS, Address, Span, cover, subtract
from thwart.network.model import AccountPeer, BlockPeer, Endpoint, Peer, PodPeer, Policy, World, leaves
from thwart.network.selectors import Selector

POD, HOST, OUTSIDE = "pod", "host", "outside"
Blocks = tuple[int, ...]  # numbers of the block peers that hold an address, ascending
ELSEWHERE = "-"  # on a node of which nothing else is known; no node can be called so
NOT_MENTIONED = ""  # stands for every value of a key that no selector names; a value cannot be told from it


class Class(Struct, frozen=True, kw_only=True):
    """Endpoints that no policy tells apart.

    `what` is `pod`, `host` (a node, or pods in its network) or `outside` (addresses of nothing that is known).
    `blocks` are, per address family, the block peers that hold its addresses; `families` those it has addresses in.
    `labels` are of one member. `account` is the service account, where policies look at it. `spans` are the addresses of a class of outside ones, with their family.
    """

    what: str
    namespace: str = ""
    labels: dict[str, str]
    ports: frozenset[tuple[str, str, int]] = frozenset()
    blocks: dict[int, Blocks]
    families: frozenset[int]
    node: str = ""
    everywhere: bool = False
    account: str = ""
    members: tuple[Endpoint, ...] = ()
    spans: tuple[tuple[int, Span], ...] = ()

    @property
    def is_one_host(self) -> bool:
        """Whether this is one machine, and not pods on machines that are not known."""
        return self.what == HOST and bool(self.node)


# namespace, labels as selectors see them, named ports in use, blocks of each family, families, node, account
_Key = tuple[
    str, frozenset[tuple[str, str]], frozenset[tuple[str, str, int]], tuple[Blocks, Blocks], frozenset[int], str, str
]


class Partition:
    """The classes of a world.

    `classes[i]` is class i; pods come first, sorted by namespace, then hosts, then outside addresses.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        used = self._used = _Used(world.policies)
        self.block_peers = used.blocks
        self._pieces = {version: used.pieces(version) for version in WIDTHS}
        self._starts = {version: [piece.first for piece, _ in self._pieces[version]] for version in WIDTHS}
        addresses = chain(
            (address for endpoint in world.endpoints for address in endpoint.addresses),
            (address for node in world.nodes for address in node.addresses),
        )
        six = any(peer.block.version == 6 for peer in used.blocks) or any(a.version == 6 for a in addresses)
        self.versions = (4, 6) if six else (4,)  # families that differ; where IPv6 is not met it is as IPv4 in no block
        self.classes: list[Class] = []
        self.of_endpoint: dict[int, int] = {}  # id(endpoint) -> class
        self.of_node: dict[str, int] = {}
        self._by_blocks: dict[tuple[int, Blocks], int] = {}
        self._pods(world.endpoints, used)
        self._hosts(world)
        self._outside()

    def tells(self, policies: Iterable[Policy]) -> bool:
        """Whether these policies look at nothing that the classes do not tell apart."""
        return self._used.covers(_Used(policies))

    def blocks_of(self, address: Address) -> Blocks:
        """The block peers that hold an address."""
        at = bisect_right(self._starts[address.version], address.value) - 1
        return self._pieces[address.version][at][1]

    def outside(self, address: Address) -> int:
        """The class of an address that nothing known has."""
        return self._by_blocks[self._outside_key(address.version, self.blocks_of(address))]

    def _outside_key(self, version: int, blocks: Blocks) -> tuple[int, Blocks]:
        return (version if version in self.versions else 4), blocks

    def _family_blocks(self, addresses: Iterable[Address]) -> tuple[Blocks, Blocks]:
        found: dict[int, set[int]] = {4: set(), 6: set()}
        for address in addresses:
            found[address.version].update(self.blocks_of(address))
        return tuple(sorted(found[4])), tuple(sorted(found[6]))

    def _pods(self, endpoints: Iterable[Endpoint], used: _Used) -> None:
        hosts_on = {e.node for e in endpoints if e.host_network} | {n.name for n in self.world.nodes if n.stated}
        grouped: dict[_Key, list[Endpoint]] = {}
        projected: dict[tuple[tuple[str, str], ...], frozenset[tuple[str, str]]] = {}
        for endpoint in endpoints:
            if endpoint.host_network:
                continue
            items = tuple(endpoint.labels.items())
            labels = projected.get(items)
            if labels is None:
                labels = projected[items] = used.project(items)
            ports = frozenset((p.name, p.protocol, p.number) for p in endpoint.ports if p.name in used.port_names)
            addresses = endpoint.addresses
            key: _Key = (
                endpoint.namespace,
                labels,
                ports,
                self._family_blocks(addresses) if addresses else ((), ()),
                frozenset(a.version for a in addresses),
                endpoint.node if endpoint.node in hosts_on or not endpoint.node else ELSEWHERE,
                endpoint.account if (endpoint.namespace, endpoint.account) in used.accounts else "",
            )
            grouped.setdefault(key, []).append(endpoint)
        for key, members in grouped.items():
            namespace, _, ports, (four, six), families, node, account = key
            self._add(
                Class(
                    what=POD,
                    namespace=namespace,
                    labels=members[0].labels,
                    ports=ports,
                    blocks={4: four, 6: six},
                    families=families,
                    node=node,
                    account=account,
                    members=tuple(members),
                )
            )

    def _hosts(self, world: World) -> None:
        nodes = {node.name: node for node in world.nodes}
        grouped: dict[tuple[str, bool, tuple[Address, ...]], list[Endpoint]] = {}
        for endpoint in world.endpoints:
            if endpoint.host_network:
                # on nodes that are not known, other addresses are other nodes
                apart = () if endpoint.node else endpoint.addresses
                grouped.setdefault((endpoint.node, endpoint.everywhere and not endpoint.node, apart), []).append(
                    endpoint
                )
        for name, node in nodes.items():
            if node.stated:
                grouped.setdefault((name, False, ()), [])
        for (name, everywhere, _), members in sorted(grouped.items()):
            found = nodes.get(name)
            addresses = {*(found.addresses if found else ()), *(a for member in members for a in member.addresses)}
            four, six = self._family_blocks(addresses)
            number = self._add(
                Class(
                    what=HOST,
                    labels=found.labels if found else {},
                    blocks={4: four, 6: six},
                    families=frozenset(a.version for a in addresses),
                    node=name,
                    everywhere=everywhere,
                    members=tuple(members),
                )
            )
            if name:
                self.of_node[name] = number

    def _outside(self) -> None:
        spans: dict[tuple[int, Blocks], list[tuple[int, Span]]] = {}
        for version, pieces in self._pieces.items():
            for span, blocks in pieces:
                spans.setdefault(self._outside_key(version, blocks), []).append((version, span))
        for (version, blocks), found in spans.items():
            self._by_blocks[version, blocks] = self._add(
                Class(
                    what=OUTSIDE,
                    labels={},
                    blocks={4: (), 6: (), version: blocks},
                    families=frozenset(family for family, _ in found),
                    spans=tuple(found),
                )
            )

    def _add(self, found: Class) -> int:
        number = len(self.classes)
        self.classes.append(found)
        for member in found.members:
            self.of_endpoint[id(member)] = number
        return number


class _Used:
    """What the policies look at: label keys and values, port names, blocks."""

    def __init__(self, policies: Iterable[Policy]) -> None:
        self.values: dict[str, set[str]] = {}
        self.port_names: set[str] = set()
        self.blocks: list[BlockPeer] = []
        self.accounts: set[tuple[str, str]] = set()
        selectors: set[Selector] = set()
        for peer in _peers(policies, self.port_names):
            if isinstance(peer, PodPeer):
                selectors.add(peer.pods)
            elif isinstance(peer, BlockPeer):
                self.blocks.append(peer)
            elif isinstance(peer, AccountPeer):
                self.accounts |= peer.accounts
        for selector in selectors:
            for requirement in selector:
                self.values.setdefault(requirement.key, set()).update(requirement.values)

    def covers(self, other: _Used) -> bool:
        """Whether the other looks at nothing else."""
        return (
            all(key in self.values and values <= self.values[key] for key, values in other.values.items())
            and other.port_names <= self.port_names
            and other.accounts <= self.accounts
            and set(other.blocks) <= set(self.blocks)
        )

    def project(self, labels: Iterable[tuple[str, str]]) -> frozenset[tuple[str, str]]:
        """The labels as selectors see them: keys in use, and values that some selector names."""
        return frozenset(self._project(labels))

    def _project(self, labels: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
        for key, value in labels:
            named = self.values.get(key)
            if named is not None:
                yield key, f"={value}" if value in named else NOT_MENTIONED

    def pieces(self, version: int) -> list[tuple[Span, Blocks]]:
        """The addresses of a family, cut by the blocks in use."""
        whole = Span(0, (1 << WIDTHS[version]) - 1)
        sets = [(number, _spans(peer)) for number, peer in enumerate(self.blocks) if peer.block.version == version]
        return [(span, tuple(sorted(names))) for span, names in cover(whole, sets)]


def _peers(policies: Iterable[Policy], port_names: set[str]) -> list[Peer]:
    """The different peers in use, in the order in which they are met; notes the names of ports on the way."""
    found: dict[Peer, None] = {}
    for policy in policies:
        found[policy.subject] = None
        for rule in (*policy.ingress, *policy.egress):
            port_names.update(port.name for port in rule.ports or () if port.name)
            found.update(dict.fromkeys(rule.peers or ()))
    simple: dict[Peer, None] = {}
    for peer in found:
        simple.update(dict.fromkeys(leaves(peer)))
    return list(simple)


def _spans(peer: BlockPeer) -> list[Span]:
    whole = Span(peer.block.first, peer.block.last)
    return subtract(whole, (Span(hole.first, hole.last) for hole in peer.excepted))
