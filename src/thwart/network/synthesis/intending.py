"""Intents as a request: what they want to be possible (`allow`, `only`, `exposed`, DNS) is asked for.

What they want to be impossible needs no asking: policies that allow only what was asked for leave it shut.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct, field

from thwart.lib.intervals import WIDTHS, Block, Span, subtract, union
from thwart.network.intents.form import (
    Allow,
    DnsAlways,
    Everyone,
    Exposed,
    Intent,
    Named,
    OneOf,
    Only,
    Party,
    Side,
    Without,
)
from thwart.network.intents.form import Ports as Wanted
from thwart.network.model import BlockPeer, Endpoint, NodePeer, OutsidePeer, PodPeer, World
from thwart.network.selectors import matches
from thwart.network.synthesis.asking import ANYONE, EVERY_PORT, Outside, Peer, Pods, Ports, Request, Whole
from thwart.network.synthesis.dns import resolve_for
from thwart.network.synthesis.ends import Gazetteer
from thwart.network.synthesis.planning import blocks_of_spans
from thwart.network.synthesis.services import Backends

_MOST_PAIRS = 1 << 21  # of peers that one intent may ask for
_MOST_BLOCKS = 64  # that a party may need: more come from pods among the addresses outside


class _Meant(Struct):
    """A party: kinds of pods with one of each, endpoints in the network of nodes, and addresses by version.

    `namespaces` are those that were meant with whatever pods they have.
    """

    pods: dict[Pods, Endpoint] = field(default_factory=dict)
    hosts: dict[int, Endpoint] = field(default_factory=dict)
    spans: dict[int, list[Span]] = field(default_factory=lambda: {version: [] for version in WIDTHS})
    nodes: dict[str, None] = field(default_factory=dict)
    namespaces: set[str] = field(default_factory=set)
    everyone: bool = False


class Intentions:
    """Reads intents into a request."""

    def __init__(self, world: World, places: Gazetteer, backends: Backends, request: Request) -> None:
        self._world = world
        self._places = places
        self._backends = backends
        self._request = request
        self._kinds: dict[str, set[Pods]] = {}
        for endpoint in world.endpoints:
            if not endpoint.host_network:
                self._kinds.setdefault(endpoint.namespace, set()).add(places.peer(endpoint))

    def read(self, intents: Iterable[Intent]) -> None:
        """Ask for what each intent wants to be possible."""
        for intent in intents:
            why = f"intent {intent.name}"
            for source, destination, ports in _wishes(intent):
                if source.some or destination.some:
                    self._request.drop("some", why)
                else:
                    self._ask(self._party(source.party), self._party(destination.party), ports, why)
            if isinstance(intent.form, DnsAlways) and intent.form.destination is None:
                meant = self._party(intent.form.source.party)
                resolve_for(meant.pods, self._world, self._places, self._backends, self._request)

    # -- asking ---------------------------------------------------------------------------------------------------------

    def _ask(self, source: _Meant, destination: _Meant, ports: Wanted, why: str) -> None:
        named = any(port.name for port in ports or ())  # what a name means hangs on the pod
        here, there = self._peers(source, why), self._peers(destination, why, whole=not named)
        if len(here) * len(there) > _MOST_PAIRS:
            self._request.drop("too-many-pairs", why)
            return
        for peer in there:
            for wanted in _resolved(ports, destination, peer):
                for other in here:
                    if isinstance(other, Pods | Whole) or isinstance(peer, Pods | Whole):
                        self._request.learned += 1
                        self._request.add(other, peer, wanted, why)

    def _peers(self, meant: _Meant, why: str, *, whole: bool = True) -> list[Peer]:
        if meant.everyone:
            return [ANYONE]
        full = (
            {name for name in meant.namespaces if self._kinds.get(name, set()) <= meant.pods.keys()} if whole else set()
        )
        found: list[Peer] = [Whole(name) for name in sorted(full & self._kinds.keys())]
        found += [pods for pods in meant.pods if pods.namespace not in full]
        named = len(found)
        for endpoint in meant.hosts.values():
            found += self._places.place(endpoint).peers
        for name in meant.nodes:
            found += self._places.node(name).peers
        if (meant.hosts or meant.nodes) and len(found) == named:
            self._request.drop("host-network", why)
        outside = [peer for version, spans in meant.spans.items() for peer in _blocks(version, spans)]
        if len(outside) + sum(len(peer.excepted) for peer in outside) > _MOST_BLOCKS:
            self._request.drop("too-many-blocks", why)
        else:
            found += outside
        return found

    # -- parties --------------------------------------------------------------------------------------------------------

    def _party(self, party: Party) -> _Meant:
        if isinstance(party, Everyone):
            return _Meant(everyone=True)
        if isinstance(party, OneOf):
            return _joined(self._party(part) for part in party.parts)
        if isinstance(party, Without):
            return self._without(party)
        if isinstance(party, BlockPeer):
            whole = Span(party.block.first, party.block.last)
            holes = [Span(hole.first, hole.last) for hole in party.excepted]
            return self._addresses(party.block.version, subtract(whole, holes))
        if isinstance(party, OutsidePeer):
            return self._outside()
        if isinstance(party, NodePeer):
            names = (node.name for node in self._world.nodes if matches(party.nodes, node.labels))
            return _Meant(nodes=dict.fromkeys(names))
        if isinstance(party, Named):
            return self._endpoints(self._named(party))
        meant = self._endpoints(self._selected(party))
        if not party.pods:
            meant.namespaces = set(self._inside(party))
        return meant

    def _without(self, party: Without) -> _Meant:
        meant, but = self._party(party.party), self._party(party.but)
        if meant.everyone:
            meant = _joined((self._endpoints(self._world.endpoints), self._outside()))
        if but.everyone:
            return _Meant()
        meant.pods = {pods: one for pods, one in meant.pods.items() if pods not in but.pods}
        meant.hosts = {number: one for number, one in meant.hosts.items() if number not in but.hosts}
        meant.nodes = {name: None for name in meant.nodes if name not in but.nodes}
        meant.spans = {
            version: [left for span in spans for left in subtract(span, but.spans[version])]
            for version, spans in meant.spans.items()
        }
        return meant

    def _outside(self) -> _Meant:
        """Every address, without those that are known to be a pod's or a node's."""
        taken: dict[int, list[Span]] = {version: [] for version in WIDTHS}
        for address in self._places.taken():
            taken[address.version].append(Span(address.value, address.value))
        return _Meant(
            spans={version: subtract(Span(0, (1 << width) - 1), taken[version]) for version, width in WIDTHS.items()}
        )

    def _addresses(self, version: int, spans: list[Span]) -> _Meant:
        """Addresses: pods that have one of them are meant, too, and by their labels."""
        meant = _Meant()
        inside = [
            address
            for address in self._places.taken()
            if address.version == version and any(span.first <= address.value <= span.last for span in spans)
        ]
        for address in inside:
            place = self._places.address(str(address))
            meant.pods.update(
                (peer, place.endpoint) for peer in place.peers if isinstance(peer, Pods) and place.endpoint
            )
        meant.spans[version] = spans
        return meant

    def _endpoints(self, endpoints: Iterable[Endpoint]) -> _Meant:
        meant = _Meant()
        for endpoint in endpoints:
            if endpoint.host_network:
                meant.hosts[id(endpoint)] = endpoint
            else:
                meant.pods.setdefault(self._places.peer(endpoint), endpoint)
        return meant

    def _named(self, party: Named) -> Iterator[Endpoint]:
        for endpoint in self._world.endpoints:
            names = (
                endpoint.name,
                f"{endpoint.kind}/{endpoint.name}",
                endpoint.workload,
                endpoint.workload.partition("/")[2],
            )
            if endpoint.namespace == party.namespace and party.name in names:
                yield endpoint

    def _selected(self, party: PodPeer) -> Iterator[Endpoint]:
        inside = set(self._inside(party))
        for endpoint in self._world.endpoints:
            if endpoint.namespace in inside and matches(party.pods, endpoint.labels):
                yield endpoint

    def _inside(self, party: PodPeer) -> Iterator[str]:
        for name, namespace in self._world.namespaces.items():
            if name == party.namespace if party.namespace is not None else matches(party.namespaces, namespace.labels):
                yield name


def _blocks(version: int, spans: list[Span]) -> list[Outside]:
    """Addresses as blocks, or as one block with exceptions where that is shorter."""
    plain = [Outside(block) for block in blocks_of_spans(version, spans)]
    if not plain:
        return []
    first, last = plain[0].block.first, plain[-1].block.last
    size = (first ^ last).bit_length()
    start = first >> size << size
    hull = Block(version, start, start + (1 << size) - 1)
    holes = tuple(blocks_of_spans(version, subtract(Span(hull.first, hull.last), spans)))
    return plain if len(plain) <= len(holes) + 1 else [Outside(hull, holes)]


def _wishes(intent: Intent) -> Iterator[tuple[Side, Side, Wanted]]:
    """What an intent wants to be possible."""
    form = intent.form
    if isinstance(form, Allow | Only):  # whom alone something is open to, it is open to
        if form.source is not None:
            yield form.source, form.destination, form.ports
    elif isinstance(form, DnsAlways) and form.destination is not None:
        yield form.source, form.destination, form.ports
    elif isinstance(form, Exposed):
        for destination, ports in form.at:
            yield form.source, destination, ports


def _resolved(ports: Wanted, destination: _Meant, peer: Peer) -> Iterator[Ports]:
    """Ports as numbers: a name means what the destination gives it."""
    if ports is None:
        yield from EVERY_PORT
        return
    endpoint = destination.pods.get(peer) if isinstance(peer, Pods) else None
    for port in ports:
        if not port.name:
            yield Ports(port.protocol, port.first, port.last)
            continue
        for own in endpoint.ports if endpoint is not None else ():
            if own.name == port.name and port.protocol in ("", own.protocol):
                yield Ports(own.protocol, own.number, own.number)


def _joined(parts: Iterable[_Meant]) -> _Meant:
    whole = _Meant()
    for part in parts:
        whole.everyone |= part.everyone
        whole.pods.update(part.pods)
        whole.hosts.update(part.hosts)
        whole.namespaces |= part.namespaces
        whole.nodes.update(part.nodes)
        for version, spans in part.spans.items():
            whole.spans[version] = union((*whole.spans[version], *spans))
    return whole
