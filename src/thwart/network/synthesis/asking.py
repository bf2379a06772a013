"""What is asked for: edges between peers, and what was given but cannot be asked of a policy."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from msgspec import Struct, field

from thwart.lib.intervals import Block, Span, subtract, union
from thwart.network.model import EGRESS, INGRESS, LAST_PORT, PROTOCOLS, Endpoint, PortMatch

Labels = tuple[tuple[str, str], ...]


class Pods(NamedTuple):
    """The pods of a namespace that have exactly these labels, volatile ones left out."""

    namespace: str
    labels: Labels


class Whole(NamedTuple):
    """Every pod of a namespace."""

    namespace: str


class Outside(NamedTuple):
    """Addresses of a block that lie in none of the exceptions."""

    block: Block
    excepted: tuple[Block, ...] = ()


class Nodes(NamedTuple):
    """Every node of the cluster, as Cilium names them."""


class Anyone(NamedTuple):
    """Every pod, host and address."""


Peer = Pods | Whole | Outside | Nodes | Anyone
ANYONE = Anyone()


class Ports(NamedTuple):
    """Ports of one protocol."""

    protocol: str
    first: int
    last: int


PortSet = tuple[Ports, ...]  # canonical: by protocol, spans that neither overlap nor touch
EVERY_PORT: PortSet = tuple(Ports(protocol, 1, LAST_PORT) for protocol in PROTOCOLS)


def port_set(ports: Iterable[Ports]) -> PortSet:
    """The canonical form of some ports."""
    spans: dict[str, list[Span]] = {}
    for protocol, first, last in ports:
        spans.setdefault(protocol, []).append(Span(first, last))
    return tuple(Ports(name, *span) for name in PROTOCOLS for span in union(spans.get(name, ())))


def minus(ports: Iterable[Ports], without: Iterable[Ports]) -> PortSet:
    """The ports of one set that are not in the other."""
    holes = list(without)
    left = []
    for protocol, first, last in ports:
        spans = subtract(Span(first, last), (Span(one.first, one.last) for one in holes if one.protocol == protocol))
        left += [Ports(protocol, *span) for span in spans]
    return port_set(left)


def matches_of(ports: PortSet) -> tuple[PortMatch, ...]:
    """The same ports in the engine's terms."""
    return tuple(PortMatch(*one) for one in ports)


def in_words(ports: PortSet) -> str:
    """`TCP 80, 8000-8080; UDP any`."""
    if ports == EVERY_PORT:
        return "any port"
    words: dict[str, list[str]] = {}
    for protocol, first, last in ports:
        whole = (first, last) == (1, LAST_PORT)
        words.setdefault(protocol, []).append("any" if whole else str(first) if first == last else f"{first}-{last}")
    return "; ".join(f"{protocol} {', '.join(found)}" for protocol, found in words.items())


class Tally(Struct):
    """Records that could not be asked for, for one reason: how many, how often seen, and an example."""

    records: int = 0
    flows: int = 0
    example: str = ""


class Request(Struct):
    """What is asked for. `edges` has the ports of each pair; `why` where a pair was first met.

    `dropped` counts what cannot be asked of a policy, by slug. `phantoms` are pods that were not read but told of;
    their namespaces are not taken to be known. `notes` are sentences on what was taken for granted, by slug.
    """

    edges: dict[tuple[Peer, Peer], set[Ports]] = field(default_factory=dict)
    why: dict[tuple[Peer, Peer], str] = field(default_factory=dict)
    dropped: dict[str, Tally] = field(default_factory=dict)
    phantoms: dict[Peer, Endpoint] = field(default_factory=dict)
    notes: list[tuple[str, str]] = field(default_factory=list)
    learned: int = 0

    def add(self, source: Peer, destination: Peer, ports: Ports, why: str = "") -> None:
        """Ask for one connection."""
        pair = (source, destination)
        known = self.edges.get(pair)
        if known is None:
            known = self.edges[pair] = set()
            self.why[pair] = why
        known.add(ports)

    def drop(self, slug: str, example: str, flows: int = 1) -> None:
        """Count a record that is not asked for."""
        tally = self.dropped.setdefault(slug, Tally(example=example))
        tally.records += 1
        tally.flows += flows

    def note(self, slug: str, sentence: str) -> None:
        """Say once what was taken for granted."""
        if (slug, sentence) not in self.notes:
            self.notes.append((slug, sentence))

    def phantom(self, namespace: str, labels: Labels, name: str) -> Peer:
        """A peer in a namespace of which nothing was read; without labels, the whole namespace."""
        peer: Peer = Pods(namespace, labels) if labels else Whole(namespace)
        if peer not in self.phantoms:
            self.phantoms[peer] = Endpoint(
                namespace=namespace, kind="Pod", name=name, workload=f"Pod/{name}", labels=dict(labels)
            )
        return peer


class Options(Struct, frozen=True, kw_only=True):
    """How policies are made.

    `generalize` is `none`, `labels`, `workload` or `namespace`. `prefixes` are the shortest prefixes that addresses may
    be merged to, by version. `directions` are those that policies isolate. `namespaces` None are all that were read,
    but for those of the cluster itself. `dns` is `asked`, `all` or `none`.
    """

    dialect: str = "kubernetes"
    generalize: str = "none"
    prefixes: tuple[tuple[int, int], ...] = ((4, 32), (6, 128))
    directions: frozenset[str] = frozenset({INGRESS, EGRESS})
    default_deny: bool = True
    keep_existing: bool = False
    namespaces: frozenset[str] | None = None
