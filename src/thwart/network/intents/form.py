"""What an intents file says: who, on which ports, and what must hold. The shapes; `reading` fills them."""

from __future__ import annotations

from msgspec import Struct

from thwart.network.model import BlockPeer, NodePeer, OutsidePeer, PodPeer, PortMatch

Ports = tuple[PortMatch, ...] | None  # None is every port of every protocol


class Everyone(Struct, frozen=True):
    """Every pod, every node and every address outside."""


class Named(Struct, frozen=True):
    """A pod or workload by its name or by `Kind/name`, as `thwart net explain` finds it."""

    namespace: str
    name: str


class OneOf(Struct, frozen=True):
    """What is in one of the parts."""

    parts: tuple[Party, ...]


class Without(Struct, frozen=True):
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


class Side(Struct, frozen=True):
    """One side of a form: every one of the party, or at least one. `line` is where it stands."""

    party: Party
    line: int
    some: bool = False


class Allow(Struct, frozen=True, kw_only=True):
    """Every connection of these must be possible."""

    source: Side
    destination: Side
    ports: Ports


class Deny(Struct, frozen=True, kw_only=True):
    """No connection of these may be possible."""

    source: Side
    destination: Side
    ports: Ports


class Only(Struct, frozen=True, kw_only=True):
    """Nobody but the source may reach the destination; with `can`, the source must be able to. No source: nobody may."""

    source: Side | None
    destination: Side
    ports: Ports
    can: bool = False


class Isolated(Struct, frozen=True, kw_only=True):
    """Tenants that may not reach each other: by the value of a namespace label, by namespace, or as listed.

    `namespaces` None with an empty `label` and no `groups` cannot be; an empty tuple is every namespace.
    """

    label: str = ""
    namespaces: tuple[str, ...] | None = None
    groups: tuple[tuple[str, Side], ...] = ()
    shared: Party | None = None
    ports: Ports = None
    line: int = 0


class NoInternet(Struct, frozen=True, kw_only=True):
    """The source may reach no address of the internet but the excepted."""

    source: Side
    but: Party | None
    ports: Ports


class DnsAlways(Struct, frozen=True, kw_only=True):
    """Every source must reach the cluster's DNS; without a destination, that is found."""

    source: Side
    destination: Side | None
    ports: Ports


class Exposed(Struct, frozen=True, kw_only=True):
    """Exactly these can be reached from there, each on its ports; nobody else of `within` can."""

    at: tuple[tuple[Side, Ports], ...]
    source: Side
    within: Side


Form = Allow | Deny | Only | Isolated | NoInternet | DnsAlways | Exposed


class Intent(Struct, frozen=True, kw_only=True):
    """A claim about the network, and why it is made. `kind` is the form's name in the file."""

    name: str
    why: str
    kind: str
    form: Form
    path: str
    line: int
    may_be_empty: bool = False
