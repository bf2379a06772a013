"""The proof: the written policies are read back, and the engine compares everything they allow with what was asked for.

Nothing of the drafts is trusted. The policies are decoded from their text, as anybody would read them; what they should
allow is worked out from the plan, without selectors; what nobody can deny (a pod's own node, pods that no policy is to
isolate, what existing policies allow) is the answer of the engine to a world that only denies.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from thwart.core.limits import DEFAULT
from thwart.lib.bitsets import members, pack
from thwart.lib.documents import DocumentError
from thwart.lib.intervals import blocks_of
from thwart.network.classes import HOST, OUTSIDE, POD
from thwart.network.deciding import cells
from thwart.network.documents import Item, read_items
from thwart.network.engine import Model
from thwart.network.kinds import Surroundings, decoder
from thwart.network.model import (
    EGRESS,
    INGRESS,
    BlockPeer,
    PodPeer,
    Policy,
    PortMatch,
    Unmodelled,
    World,
)
from thwart.network.model import Peer as EnginePeer
from thwart.network.selectors import Invalid, Requirement
from thwart.network.synthesis.asking import Anyone, Nodes, Options, Outside, Peer, Pods, Whole, matches_of, port_set
from thwart.network.synthesis.lens import inert, lens_of
from thwart.network.synthesis.planning import Land, Plan, Side

_SHOWN = 1000  # differences of each kind that are kept


class Unreadable(Exception):  # noqa: N818 - a bug, or a name that no API server takes
    """What was written does not read back; the sentence says why."""


class Difference(Struct, frozen=True, kw_only=True):
    """Connections between two classes, as their names, that differ from what was asked for on some ports."""

    source: str
    destination: str
    ports: str


class Proof(Struct, frozen=True, kw_only=True):
    """What the engine says about the written policies.

    `missing` was asked for and is denied, `unknown` cannot be told, `extra` is open and was not asked for: any of them
    is a failure. `widened` is open because generalisation was asked for. Each holds at most a thousand; `counts` has all.
    """

    classes: int
    pieces: int
    missing: tuple[Difference, ...]
    unknown: tuple[Difference, ...]
    extra: tuple[Difference, ...]
    widened: tuple[Difference, ...]
    counts: dict[str, int]

    @property
    def holds(self) -> bool:
        """Whether the policies allow what was asked for, and nothing else."""
        return not (self.missing or self.unknown or self.extra)


def read_back(text: str, land: Land, world: World) -> list[Policy]:
    """The policies of a text, decoded as those of any file.

    Raises:
        Unreadable: the API server would refuse one, or the engine does not model its kind.
    """
    around = Surroundings(namespaces=land.namespaces, endpoints=land.endpoints, nodes=world.nodes, kept={})
    found: list[Policy] = []
    seen: set[tuple[str, str, str]] = set()
    try:
        for item in read_items("(synthesised)", text.encode(), DEFAULT):
            if not isinstance(item, Item):
                raise Unreadable(f"{item[1]}: {item[2].why}")
            key = (item.kind, item.namespace, item.name)
            if key in seen:
                raise Unreadable(f"{item.what} was written twice")
            seen.add(key)
            found += _decoded(item, around)
    except DocumentError as error:
        raise Unreadable(error.reason) from None
    return found


def _decoded(item: Item, around: Surroundings) -> Iterator[Policy]:
    decode = decoder(item.api, item.kind)
    if decode is None:
        raise Unreadable(f"{item.kind} of {item.api} is not modelled, so that nothing can be proved about it")
    try:
        made = decode(item)
        several = (made,) if isinstance(made, Policy) else made(around)
    except Invalid as invalid:
        raise Unreadable(f"{item.what}: {invalid.why}") from None
    for one in several:
        if isinstance(one, Unmodelled) or one.doubts:
            raise Unreadable(f"{item.what} has parts that are not modelled")
        yield one


class Prover:
    """Compares policies with plans, over every class and every port."""

    def __init__(
        self, world: World, land: Land, plans: Sequence[Plan], policies: Sequence[Policy], options: Options
    ) -> None:
        kept = world if options.keep_existing else World(namespaces={}, endpoints=())
        self._land = land
        self._options = options
        lens = _lens(land, plans, [*policies, *kept.policies])
        self._world = World(
            namespaces=land.namespaces,
            endpoints=land.endpoints,
            nodes=world.nodes,
            policies=(lens, *kept.policies),
            unmodelled=kept.unmodelled,
        )
        self._held = _held(land, plans, options)
        self.floor = self._model(_denials(land, self._held, options))
        self._classes = self.floor.classes
        self._size = len(self._classes)
        self._everyone = (1 << self._size) - 1
        self._pods = pack((i for i, c in enumerate(self._classes) if c.what == POD), self._size)
        self._peers: dict[Peer, int] = {}
        self._of_pods: dict[Pods, list[int]] = {}
        self._of_namespace: dict[str, list[int]] = {}
        numbers = self.floor.partition.of_endpoint
        for pods, unit in land.units.items():
            found = self._of_pods[pods] = sorted({numbers[id(member)] for member in unit.members})
            self._of_namespace.setdefault(pods.namespace, []).extend(found)
        self._numbers = {(one.block, one.excepted): n for n, one in enumerate(self.floor.partition.block_peers)}

    def _model(self, policies: Iterable[Policy]) -> Model:
        return Model(_with(self._world, policies))

    def bits(self, peer: Peer) -> int:
        """The classes that a peer means; never a pod by its address."""
        known = self._peers.get(peer)
        if known is None:
            known = self._peers[peer] = self._resolve(peer)
        return known

    def _resolve(self, peer: Peer) -> int:
        if isinstance(peer, Pods):
            return pack(self._of_pods.get(peer, ()), self._size)
        if isinstance(peer, Whole):
            return pack(self._of_namespace.get(peer.namespace, ()), self._size)
        if isinstance(peer, Anyone):
            return self._everyone
        if isinstance(peer, Nodes):
            return pack((i for i, c in enumerate(self._classes) if c.what == HOST), self._size)
        number, version = self._numbers[peer.block, peer.excepted], peer.block.version
        holders = (i for i, c in enumerate(self._classes) if c.what != POD and number in c.blocks[version])
        return pack(holders, self._size)

    def prove(self, policies: Sequence[Policy], exact: Plan, wide: Plan) -> Proof:
        """Compare; see `Proof`."""
        model = self._model(policies)
        same = len(model.classes) == self._size and model.ports.size == self.floor.ports.size
        if not same or any(c.members != d.members for c, d in zip(model.classes, self._classes, strict=True)):
            raise Unreadable("the policies tell pods or ports apart that nothing asked for tells apart")
        tally = _Tally(model, self._options)
        narrow_rows = _Expected(self, exact)
        wide_rows = _Expected(self, wide)
        for destination, row in model.rows():
            sources = self._sources(destination)
            floor = self.floor.row(destination)
            narrow, broad = narrow_rows.row(destination), wide_rows.row(destination)
            masks = {cell.ports for cell in (*row, *floor)} | narrow.keys() | broad.keys()
            for piece in cells(masks, model.ports.all):
                allow, deny = next((c.allow, c.deny) for c in row if c.ports & piece)
                below, denied = next((c.allow, c.deny) for c in floor if c.ports & piece)
                asked = _at(broad, piece) & sources
                unclear = sources & ~(allow | deny)
                tally.add("missing", asked & deny, destination, piece)
                tally.add("unknown", unclear & (asked | below | denied), destination, piece)
                tally.add("extra", sources & allow & ~(asked | below), destination, piece)
                tally.add("widened", sources & allow & asked & ~_at(narrow, piece) & ~below, destination, piece)
        return tally.proof()

    def _sources(self, destination: int) -> int:
        """Who can be the source of a flow that policies decide: not two ends outside, and not one pod with itself."""
        one = self._classes[destination]
        if one.what != POD:
            return self._pods
        alone = len(one.members) == 1 and one.members[0].single
        return self._everyone & ~(1 << destination) if alone else self._everyone

    def isolated(self, direction: str) -> int:
        """The classes that the policies are to isolate."""
        if direction not in self._options.directions:
            return 0
        return pack((n for pods in self._held for n in self._of_pods.get(pods, ())), self._size)


class _Expected:
    """What a plan lets through, from its two sides, without a look at any selector."""

    def __init__(self, prover: Prover, plan: Plan) -> None:
        self._prover = prover
        self._ports = prover.floor.ports
        self._class = prover.floor.classes[0]
        self._isolated = {direction: prover.isolated(direction) for direction in (INGRESS, EGRESS)}
        self._into = self._by_destination(plan.ingress, flip=False)
        self._out_to = self._by_destination(plan.egress, flip=True)
        self._everyone = (1 << len(prover.floor.classes)) - 1

    def _by_destination(self, side: Side, *, flip: bool) -> dict[int, dict[int, int]]:
        found: dict[int, dict[int, int]] = {}
        for pods, peers in side.items():
            own = self._prover.bits(pods)
            for peer, ports in peers.items():
                mask = self._ports.mask(matches_of(port_set(ports)), self._class)
                other = self._prover.bits(peer)
                sources, destinations = (own, other) if flip else (other, own)
                for destination in members(destinations):
                    masks = found.setdefault(destination, {})
                    masks[mask] = masks.get(mask, 0) | sources
        return found

    def row(self, destination: int) -> dict[int, int]:
        """Sources by ports, in pieces that do not overlap; ports that are not named have none."""
        into, out = self._into.get(destination, {}), self._out_to.get(destination, {})
        closed = self._isolated[INGRESS] >> destination & 1
        free = self._everyone & ~self._isolated[EGRESS]
        found = {}
        for piece in cells({*into, *out}, self._ports.all):
            entering = _at_all(into, piece) if closed else self._everyone
            leaving = _at_all(out, piece) | free
            if entering & leaving:
                found[piece] = entering & leaving
        return found


def _at(row: dict[int, int], piece: int) -> int:
    return next((sources for mask, sources in row.items() if mask & piece), 0)


def _at_all(masks: dict[int, int], piece: int) -> int:
    found = 0
    for mask, bits in masks.items():
        if mask & piece:
            found |= bits
    return found


class _Tally:
    def __init__(self, model: Model, options: Options) -> None:
        self._model = model
        self._options = options
        self._found: dict[str, list[Difference]] = {"missing": [], "unknown": [], "extra": [], "widened": []}
        self._counts = dict.fromkeys(self._found, 0)

    def add(self, what: str, sources: int, destination: int, ports: int) -> None:
        """Note sources that differ at a destination."""
        if not sources:
            return
        self._counts[what] += sources.bit_count()
        kept = self._found[what]
        for source in members(sources):
            if len(kept) >= _SHOWN:
                return
            words = self._model.ports.describe(ports)
            kept.append(Difference(source=self._name(source), destination=self._name(destination), ports=words))

    def _name(self, number: int) -> str:
        one = self._model.classes[number]
        if one.what == OUTSIDE:
            version, span = one.spans[0]
            more = " and others" if len(one.spans) > 1 or len(blocks_of(version, span)) > 1 else ""
            return blocks_of(version, span)[0] + more
        if one.what == POD:
            return f"{one.namespace}/{', '.join(sorted({member.workload for member in one.members})[:3])}"
        return f"Node/{one.node}" if one.node else "a node"

    def proof(self) -> Proof:
        return Proof(
            classes=len(self._model.classes),
            pieces=self._model.ports.size,
            missing=tuple(self._found["missing"]),
            unknown=tuple(self._found["unknown"]),
            extra=tuple(self._found["extra"]),
            widened=tuple(self._found["widened"]),
            counts=self._counts,
        )


def _with(world: World, policies: Iterable[Policy]) -> World:
    return World(
        namespaces=world.namespaces,
        endpoints=world.endpoints,
        nodes=world.nodes,
        policies=(*world.policies, *policies),
        unmodelled=world.unmodelled,
    )


def _held(land: Land, plans: Sequence[Plan], options: Options) -> list[Pods]:
    """The pods that are to be isolated."""
    if options.default_deny:
        return [pods for pods in land.units if pods.namespace in land.selected]
    return sorted({pods for plan in plans for pods in (*plan.egress, *plan.ingress)})


def _denials(land: Land, held: Sequence[Pods], options: Options) -> Iterator[Policy]:
    """Policies that only deny: one for each namespace, or for each kind of pods, told by every label it has and lacks."""
    if options.default_deny:
        for namespace in sorted({pods.namespace for pods in held}):
            yield inert(PodPeer((), namespace), (), options.directions)
        return
    keys: dict[str, set[str]] = {}
    for namespace, around in land.of_namespace.items():
        keys[namespace] = {key for pods in around for key, _ in pods.labels}
    for pods in held:
        own = dict(pods.labels)
        has = [Requirement(key, "In", (value,)) for key, value in own.items()]
        lacks = [Requirement(key, "DoesNotExist") for key in keys.get(pods.namespace, set()) - own.keys()]
        yield inert(PodPeer(tuple(sorted((*has, *lacks))), pods.namespace), (), options.directions)


def _lens(land: Land, plans: Sequence[Plan], policies: Sequence[Policy]) -> Policy:
    """Names everything that the plans and the policies look at, so that all models have the same classes and ports."""
    peers: dict[EnginePeer, None] = {}
    ports: dict[PortMatch, None] = {}
    for plan in plans:
        for side in (plan.egress, plan.ingress):
            for asked in side.values():
                for peer, found in asked.items():
                    ports.update(dict.fromkeys(matches_of(port_set(found))))
                    if isinstance(peer, Outside):
                        peers[BlockPeer(peer.block, peer.excepted)] = None
    for policy in policies:
        peers[policy.subject] = None
        for rule in (*policy.ingress, *policy.egress):
            peers.update(dict.fromkeys(rule.peers or ()))
            ports.update(dict.fromkeys(rule.ports or ()))
    return lens_of(land.endpoints, peers, ports)
