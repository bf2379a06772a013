"""Policies to a table of nftables.

Two base chains stand at each hook, one for what sources may send and one for what destinations may take: `accept` ends
only the chain that says so, so that a connection needs both. Maps lead from a pod's address to the chain of all pods
that the same policies select; it tries the tiers in order, and a tier its policies. `return` is to pass on to the next
tier. Policies that never pass are chains of their own, shared by whoever they select.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from thwart.core.finding import Diagnostic
from thwart.lib.intervals import Address
from thwart.network.enforcement.addresses import Seat, Seats
from thwart.network.enforcement.doubts import doubtful, few, meshed, unplaced
from thwart.network.enforcement.names import digest, identifier
from thwart.network.enforcement.rules import REFUSE, Options, Writer, title
from thwart.network.enforcement.ruleset import (
    ACCEPT,
    DROP,
    JUMP,
    Chain,
    In,
    Known,
    Line,
    Looked,
    Neighbours,
    Refused,
    Statement,
    Table,
    Tcp,
    Verdict,
    Ways,
)
from thwart.network.model import (
    ADMIN,
    BASELINE,
    DENIALS,
    DENY,
    EGRESS,
    INGRESS,
    ON_THE_NET,
    PASS,
    World,
)

Selected = tuple[int, bool]  # the number of a policy, and whether it surely selects
_SHORT = {INGRESS: "in", EGRESS: "out"}
_PRIORITY = {EGRESS: -5, INGRESS: 5}  # what leaves a pod is judged first; both around the usual filters at 0
_VERSIONS = (4, 6)
_BINDING = (ADMIN, DENIALS, BASELINE)  # tiers that hold for a pod's own node too


def compile_world(world: World, options: Options | None = None) -> Table:
    """The policies of a world as a table of nftables.

    Returns:
        The table. What cannot be put there is in its `diagnostics`: pods without addresses get no rules, and parts of
        policies about which the documents leave doubt deny more and allow less than they may mean.
    """
    return _Compiler(world, options or Options()).table()


class _Compiler:
    def __init__(self, world: World, options: Options) -> None:
        self._world = world
        self._policies = [policy for policy in world.policies if policy.layer == ON_THE_NET]
        self._order = sorted(
            range(len(self._policies)), key=lambda n: (self._policies[n].tier, self._policies[n].priority, n)
        )
        self._seats = Seats(world)
        self._claims = _claims(self._seats.all)
        self._writer = Writer(self._seats, options)
        self._options = options
        self._chains: dict[str, Chain] = {}
        self._lines: dict[tuple[str, int, bool], list[Line]] = {}
        self._entries: dict[tuple[str, tuple[Selected, ...]], str] = {}
        self._near = {v: self._own_nodes(v) for v in _VERSIONS}

    def table(self) -> Table:
        """Everything, put together."""
        selected = self._selected()
        maps: dict[str, tuple[int, dict[int, str]]] = {}
        placed: set[int] = set()
        for direction in (EGRESS, INGRESS):
            for version in _VERSIONS:
                maps[f"{direction}_{version}"] = version, {}
            for address, found in selected[direction].items():
                chain = self._of_pods(direction, found)
                if chain:
                    seats = self._claims[address]
                    maps[f"{direction}_{address.version}"][1][address.value] = chain if len(seats) == 1 else REFUSE
                    placed.update(seats)
        maps = {name: (version, dict(sorted(found.items()))) for name, (version, found) in maps.items() if found}
        bases = [self._base(hook, direction, maps) for hook in self._options.hooks for direction in (EGRESS, INGRESS)]
        return Table(
            name=self._options.table,
            sets=dict(sorted(self._writer.sets.all.items())),
            maps=maps,
            chains=(self._refuse(), *self._chains.values(), *(base for base in bases if base)),
            pods=len(placed),
            policies=len(self._policies),
            diagnostics=(*unplaced(self._seats.all), *self._shared(), *doubtful(self._world), *meshed(self._world)),
        )

    def _selected(self) -> dict[str, dict[Address, tuple[Selected, ...]]]:
        """For each direction and address the policies that have a say there, in their order."""
        found: dict[str, dict[Address, list[Selected]]] = {INGRESS: {}, EGRESS: {}}
        for number in self._order:
            policy = self._policies[number]
            said = [every for way, every in found.items() if policy.rules(way) or way in policy.isolates]
            for address, sure in self._seats.selected(policy.subject) if said else ():
                for every in said:
                    every.setdefault(address, []).append((number, sure))
        return {way: {address: tuple(one) for address, one in sorted(every.items())} for way, every in found.items()}

    # -- chains --------------------------------------------------------------------------------------------------------

    def _of_pods(self, direction: str, selected: tuple[Selected, ...]) -> str:
        """The chain of pods that these policies select; empty where they cannot change anything."""
        found = self._entries.get((direction, selected))
        if found is None:
            found = self._entries[direction, selected] = self._entry(direction, selected)
        return found

    def _entry(self, direction: str, selected: tuple[Selected, ...]) -> str:
        tiers = [
            self._tier(direction, tuple(group))
            for _, group in groupby(selected, key=lambda one: self._policies[one[0]].tier)
        ]
        chains = [chain for chain in tiers if chain]
        if len(chains) < 2:
            return chains[0] if chains else ""
        return self._chain(f"pods_{_SHORT[direction]}", "", [Line((Verdict(JUMP, chain),)) for chain in chains])

    def _tier(self, direction: str, selected: tuple[Selected, ...]) -> str:
        """What the policies of one tier say: their rules in order, then the denial of what was not decided."""
        policies = [self._policies[number] for number, _ in selected]
        lines = [line for number, sure in selected for line in self._said(direction, number, sure)]
        isolating = [policy for policy in policies if direction in policy.isolates]
        if isolating:
            comment = f"{title(isolating[0])} {direction} isolates"
            lines.append(Line(tuple(self._writer.end(DENY, direction, comment)), comment))
        if not lines:
            return ""
        tier = policies[0].tier
        if direction == INGRESS and tier not in _BINDING:
            lines = [*self._from_own_node(), *lines]
        return self._chain(f"tier_{_SHORT[direction]}", tier.name, lines)

    def _said(self, direction: str, number: int, sure: bool) -> list[Line]:
        """A policy's rules: themselves where they may pass, else a jump to the chain that has them."""
        key = direction, number, sure
        found = self._lines.get(key)
        if found is None:
            policy = self._policies[number]
            rules = [rule for rule in policy.rules(direction) if sure or rule.action == DENY]
            rules.sort(key=lambda rule: rule.index)
            found = [line for rule in rules for line in self._writer.rule(policy, rule, direction)]
            if found and not any(rule.action == PASS for rule in rules):
                name = self._chain(f"policy_{_SHORT[direction]}", f"{policy.namespace}/{policy.name}", found)
                found = [Line((Verdict(JUMP, name),))]
            self._lines[key] = found
        return found

    def _chain(self, prefix: str, shown: str, lines: list[Line]) -> str:
        """A chain, called after what it says: chains of one name are one."""
        name = identifier(prefix, shown, digest(*lines))
        self._chains.setdefault(name, Chain(name=name, lines=tuple(lines)))
        return name

    def _refuse(self) -> Chain:
        """Where everything ends that is denied."""
        if self._options.deny == "drop":
            return Chain(name=REFUSE, lines=(Line((Verdict(DROP),)),))
        return Chain(name=REFUSE, lines=(Line((Tcp(), Refused(reset=True))), Line((Refused(reset=False),))))

    def _base(self, hook: str, direction: str, maps: Iterable[str]) -> Chain | None:
        """Where packets enter. On their way to this host only what pods send is judged, on its way out what they take."""
        if (hook, direction) in (("input", INGRESS), ("output", EGRESS)):
            return None
        side = "source" if direction == EGRESS else "destination"
        named = ((version, f"{direction}_{version}") for version in _VERSIONS)
        looked = [Line((Looked(side, version, name),)) for version, name in named if name in maps]
        if not looked:
            return None
        first: tuple[Statement, ...] = (Known(), Verdict(ACCEPT))
        lines = (Line(first), Line((Neighbours(), Verdict(ACCEPT))), *looked)
        return Chain(name=f"{hook}_{direction}", lines=lines, hook=hook, priority=_PRIORITY[direction])

    def _shared(self) -> Iterator[Diagnostic]:
        shared = sorted(address for address, seats in self._claims.items() if len(seats) > 1)
        if shared:
            yield Diagnostic(
                slug="shared-address",
                message=f"addresses that several pods or nodes have: {few(list(map(str, shared)))}; "
                "where a policy selects one of them, all is denied",
            )

    # -- a pod's own node ----------------------------------------------------------------------------------------------

    def _own_nodes(self, version: int) -> tuple[tuple[int, int], ...]:
        """Addresses of nodes, each with those of the pods that run on it (types.go: "the pod's local node")."""
        nodes = {seat.node.name: seat for seat in self._seats.all if seat.node is not None}
        return tuple(
            sorted(
                (source.value, address.value)
                for seat in self._seats.all
                if seat.endpoint is not None and seat.endpoint.node in nodes
                for source in nodes[seat.endpoint.node].addresses
                for address in seat.addresses
                if source.version == address.version == version
            )
        )

    def _from_own_node(self) -> Iterator[Line]:
        for version, ways in self._near.items():
            if ways:
                name = self._writer.sets.use(Ways(version, ways))
                yield Line((In("way", version, name), Verdict(ACCEPT)), "from the pod's own node")


def _claims(seats: Iterable[Seat]) -> dict[Address, list[int]]:
    claims: dict[Address, list[int]] = {}
    for seat in seats:
        for address in seat.addresses:
            claims.setdefault(address, []).append(seat.number)
    return claims
