"""A concrete flow for what broke a claim, and why it is as it is."""

from __future__ import annotations

from thwart.network.classes import HOST
from thwart.network.engine import Model
from thwart.network.explain import Party, judge
from thwart.network.intents._ports import PortSets
from thwart.network.intents.ends import End, Ends
from thwart.network.intents.outcome import Breach, Spot, Tally
from thwart.network.model import Endpoint


def breach(ends: Ends, tally: Tally) -> Breach | None:
    """The flow of a tally's example, judged."""
    example = tally.example
    if example is None:
        return None
    source = _party(ends, example.source, None)
    destination = _party(ends, example.destination, source.endpoint)
    usual = [(port.protocol, port.number) for port in (destination.endpoint.ports if destination.endpoint else ())]
    protocol, port = PortSets(ends.model.ports).example(example.spans, example.pieces, usual)
    return Breach(
        source=spot(ends.model, source),
        destination=spot(ends.model, destination),
        protocol=protocol,
        port=port,
        must=tally.claim.must,
        answer=judge(ends.model, source, destination, ends.model.ports.bit(protocol, port)),
    )


def _party(ends: Ends, end: End, other: Endpoint | None) -> Party:
    if end.spans:
        return Party(end.number, None, ends.address(end))
    if not end.members:
        return Party(end.number)
    chosen = next((one for one in end.members if one is not other), end.members[0])
    return Party(end.number, chosen)


def spot(model: Model, party: Party) -> Spot:
    """An end of a flow in words."""
    if party.endpoint is not None:
        one = party.endpoint
        text = f"{one.namespace}/{one.kind}/{one.name}"
        host = one.host_network
        return Spot(text=text, namespace=one.namespace, workload=one.workload, name=one.name, host=host)
    if party.address is not None:
        return Spot(text=str(party.address), ip=str(party.address))
    one_class = model.classes[party.number]
    where = one_class.node or ("every node" if one_class.everywhere else "a node")
    return Spot(text=f"Node/{where}" if one_class.node else where, node=where if one_class.what == HOST else "")
