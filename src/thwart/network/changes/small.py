"""The part of a world that one flow depends on, small enough to be judged anew for every change that is tried."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from thwart.network.changes.edits import Edit, edited
from thwart.network.classes import HOST, OUTSIDE
from thwart.network.engine import Model
from thwart.network.explain import Directory, Party, judge
from thwart.network.model import Answer, Endpoint, Node, World


class End(NamedTuple):
    """One end of the flow in the small world: the place of its endpoint (-1 for none), or its node or address.

    `alone` says that exactly this endpoint was meant, and not any of its class.
    """

    place: int
    node: str
    party: Party
    alone: bool


class Small:
    """A world of two ends, with memory of what was judged."""

    def __init__(self, world: World, source: End, destination: End, protocol: str, port: int) -> None:
        self.world = world
        self.source, self.destination = source, destination
        self.protocol, self.port = protocol, port
        self._known: dict[frozenset[Edit], Answer] = {}

    @property
    def judged(self) -> int:
        """How many worlds were judged."""
        return len(self._known)

    def judge(self, edits: frozenset[Edit]) -> Answer:
        """The answer for the flow after the edits."""
        answer = self._known.get(edits)
        if answer is None:
            model = Model(edited(self.world, edits))
            ends = [_party(model, end) for end in (self.source, self.destination)]
            answer = self._known[edits] = judge(model, ends[0], ends[1], model.ports.bit(self.protocol, self.port))
        return answer

    def endpoint(self, end: End) -> Endpoint | None:
        """The endpoint of an end, if it has one."""
        return self.world.endpoints[end.place] if end.place >= 0 else None

    def pod(self, end: End) -> Endpoint | None:
        """The same, if policies can select it: pods in the host's network they do not."""
        endpoint = self.endpoint(end)
        return None if endpoint is None or endpoint.host_network else endpoint


def _party(model: Model, end: End) -> Party:
    if end.place >= 0:
        endpoint = model.world.endpoints[end.place]
        number = model.partition.of_endpoint[id(endpoint)]
        return Party(number, endpoint if end.alone else None, end.party.address)
    if end.party.address is not None:
        found = Directory(model).ip(str(end.party.address))
        return Party(found.number, None, end.party.address)
    return Party(model.partition.of_node[end.node])


def restrict(
    model: Model,
    parties: tuple[Party, Party],
    shown: tuple[Endpoint | None, Endpoint | None],
    policies: Iterable[int],
) -> tuple[World, End, End]:
    """The world of two ends and of some policies, in their order; and the ends in it.

    `shown` are the endpoints that stand for ends of several; the first of their class where none is given.
    """
    world = model.world
    endpoints: list[Endpoint] = []
    ends = [_end(model, party, example, endpoints) for party, example in zip(parties, shown, strict=True)]
    names = {one.namespace for one in endpoints}
    nodes = {one.node for one in endpoints} | {end.node for end in ends}
    small = World(
        namespaces={name: found for name, found in world.namespaces.items() if name in names},
        endpoints=tuple(endpoints),
        nodes=tuple(_nodes(world, nodes)),
        policies=tuple(world.policies[number] for number in sorted(set(policies))),
        unmodelled=tuple(o for o in world.unmodelled if o.namespace is None or o.namespace in names),
    )
    return small, ends[0], ends[1]


def _end(model: Model, party: Party, example: Endpoint | None, endpoints: list[Endpoint]) -> End:
    one = model.classes[party.number]
    if one.what == OUTSIDE and party.address is None:
        raise ValueError("an outside end needs its address")
    shown = party.endpoint or example or next(iter(one.members), None)
    for endpoint in one.members if one.what == HOST else (shown,):  # a host has the addresses of all that run on it
        if endpoint is not None and not any(other is endpoint for other in endpoints):
            endpoints.append(endpoint)
    places = [place for place, other in enumerate(endpoints) if other is shown]
    return End(places[0] if places else -1, one.node, party, alone=party.endpoint is not None)


def _nodes(world: World, names: set[str]) -> Iterable[Node]:
    """The nodes of the ends, and one more whose document was read: that there are some is itself an answer."""
    kept = [node for node in world.nodes if node.name in names]
    if not any(node.stated for node in kept):
        kept += [node for node in world.nodes if node.stated][:1]
    return kept
