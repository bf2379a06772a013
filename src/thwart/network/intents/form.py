"""What an intents file says: who, on which ports, and what must hold. The shapes; `reading` fills them."""

from __future__ import annotations

from dataclasses import dataclass

from thwart.network.model import BlockPeer, NodePeer, OutsidePeer, PodPeer, PortMatch

Ports = tuple[PortMatch, ...] | None  # None is every port of every protocol


@dataclass(frozen=True, slots=True)
class Everyone:
    """Every pod, every node and every address outside."""


@dataclass(frozen=True, slots=True)
class Named:
    """A pod or workload by its name or by `Kind/name`, as `thwart net explain` finds it."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class OneOf:
    """What is in one of the parts."""

    parts: tuple[Party, ...]


@dataclass(frozen=True, slots=True)
class Without:
    """What is in the one and not in the other."""

    party: Party
    but: Party


# unlike in a policy, a pod peer means pods in the network of their node too: who is meant is not who can be stopped
Party = Everyone | Named | PodPeer | BlockPeer | NodePeer | OutsidePeer | OneOf | Without


def leaves(party: Party) -> list[Party]:
    """The parties that a party is made of."""
    if isinstance(party, OneOf):
        return [leaf for part in party.parts for leaf in leaves(part)]
    if isinstance(party, Without):
        return [*leaves(party.party), *leaves(party.but)]
    return [party]


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a form: every one of the party, or at least one. `line` is where it stands."""

    party: Party
    line: int
    some: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Allow:
    """Every connection of these must be possible."""

    source: Side
    destination: Side
    ports: Ports


@dataclass(frozen=True, slots=True, kw_only=True)
class Deny:
    """No connection of these may be possible."""

    source: Side
    destination: Side
    ports: Ports


@dataclass(frozen=True, slots=True, kw_only=True)
class Only:
    """Nobody but the source may reach the destination; with `can`, the source must be able to. No source: nobody may."""

    source: Side | None
    destination: Side
    ports: Ports
    can: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Isolated:
    """Tenants that may not reach each other: by the value of a namespace label, by namespace, or as listed.

    `namespaces` None with an empty `label` and no `groups` cannot be; an empty tuple is every namespace.
    """

    label: str = ""
    namespaces: tuple[str, ...] | None = None
    groups: tuple[tuple[str, Side], ...] = ()
    shared: Party | None = None
    ports: Ports = None
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NoInternet:
    """The source may reach no address of the internet but the excepted."""

    source: Side
    but: Party | None
    ports: Ports


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsAlways:
    """Every source must reach the cluster's DNS; without a destination, that is found."""

    source: Side
    destination: Side | None
    ports: Ports


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposed:
    """Exactly these can be reached from there, each on its ports; nobody else of `within` can."""

    at: tuple[tuple[Side, Ports], ...]
    source: Side
    within: Side


Form = Allow | Deny | Only | Isolated | NoInternet | DnsAlways | Exposed


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A claim about the network, and why it is made. `kind` is the form's name in the file."""

    name: str
    why: str
    kind: str
    form: Form
    path: str
    line: int
    may_be_empty: bool = False
