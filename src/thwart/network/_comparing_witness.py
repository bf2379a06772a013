"""One connection of many that changed, and why it is now as it is."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, product

from msgspec import Struct

from thwart.lib.bitsets import members
from thwart.lib.intervals import WIDTHS
from thwart.network._comparing_units import NODE, OUT, Unit
from thwart.network.comparing import CLOSED, KNOWN, OPENED, UNKNOWN, Change, Comparison
from thwart.network.explain import Party, judge
from thwart.network.intents._witness import spot
from thwart.network.intents.ends import example_address, known_addresses
from thwart.network.intents.outcome import Spot
from thwart.network.model import Answer

_MOST = 200  # pairs that are tried
_WANTED = {OPENED: True, CLOSED: False, UNKNOWN: None}


class Witness(Struct, frozen=True, kw_only=True):
    """A connection as it is in the newer world."""

    source: Spot
    destination: Spot
    protocol: str
    port: int
    answer: Answer


class Witnesses:
    """Finds them."""

    def __init__(self, found: Comparison) -> None:
        self._found = found
        self._model = found.new
        self._known = known_addresses(found.new.world)
        old = known_addresses(found.old.world)
        self._taken = {version: sorted({*self._known[version], *old[version]}) for version in WIDTHS}

    def find(self, change: Change) -> Witness | None:
        """One of the connections of a change; None where an end is gone."""
        pieces = _ports(change)
        protocol, span = self._found.ports.spans(pieces & -pieces)[0]
        bit = self._model.ports.bit(protocol, span.first)
        wanted = _WANTED.get(change.kind, bool(change.after.allow & pieces & -pieces))
        witness = None
        for source, destination in islice(self._pairs(change), _MOST):
            answer = judge(self._model, source, destination, bit)
            witness = Witness(
                source=spot(self._model, source),
                destination=spot(self._model, destination),
                protocol=protocol,
                port=span.first,
                answer=answer,
            )
            if answer.allowed is wanted:
                break
        return witness

    def _pairs(self, change: Change) -> Iterator[tuple[Party, Party]]:
        for here, there in product(members(change.sources), members(change.destinations)):
            for source, destination in product(self._parties(here), self._parties(there)):
                same = source.endpoint is destination.endpoint and source.number == destination.number
                alone = source.endpoint is None or source.endpoint.single
                if not (same and alone):
                    yield source, destination

    def _parties(self, number: int) -> Iterator[Party]:
        joint = self._found.joints[number]
        if joint.what == OUT:
            yield Party(joint.new[0], None, example_address(joint.spans, self._taken))
        elif joint.what == NODE:
            yield from (Party(one) for one in joint.new)
        else:
            yield from (self._party(unit, index) for unit in joint.units for index in range(len(unit.new)))

    def _party(self, unit: Unit, index: int) -> Party:
        endpoint = unit.new[index]
        return Party(self._model.partition.of_endpoint[id(endpoint)], endpoint)


def _ports(change: Change) -> int:
    """The ports on which the states differ; first those that say what kind of change it is."""
    before, after = change.before, change.after
    return (
        (change.kind == UNKNOWN and after.unknown & ~before.unknown)
        or (change.kind == KNOWN and before.unknown & ~after.unknown)
        or after.allow & ~before.allow
        or before.allow & ~after.allow
        or (before.deny ^ after.deny | before.unknown ^ after.unknown)
    )
