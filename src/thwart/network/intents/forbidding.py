"""Which intent forbids one flow: for flows that were seen, where policies allow them."""

from __future__ import annotations

from collections.abc import Sequence

from thwart.network.engine import Model
from thwart.network.explain import Party
from thwart.network.intents._ports import PortSets
from thwart.network.intents.ends import Ends
from thwart.network.intents.form import Intent
from thwart.network.intents.meaning import Claim, mean, parties, port_names


class Forbidding:
    """The intents that forbid single flows. Those that ask for something only, or of some of several, forbid none."""

    def __init__(self, model: Model, intents: Sequence[Intent]) -> None:
        spoken = [party for intent in intents for party in parties(intent)]
        self._ends = Ends(model, spoken, {name for intent in intents for name in port_names(intent)})
        self._ports = PortSets(model.ports)
        self._claims: list[tuple[Intent, Claim]] = []
        for intent in intents:
            for claim in mean(intent, self._ends).claims:
                if not (claim.must or claim.some_source or claim.some_destination or claim.some_port):
                    self._claims.append((intent, claim))
        self._of_endpoint = {id(member): number for number, end in enumerate(self._ends.ends) for member in end.members}

    def why(self, source: Party, destination: Party, protocol: str, port: int) -> str:
        """The first intent that forbids a flow, in words; empty where none does, or an end is not known."""
        here, there = self._end(source), self._end(destination)
        if here is None or there is None:
            return ""
        for intent, claim in self._claims:
            about = claim.sources >> here & 1 and claim.destinations >> there & 1
            if about and self._on(claim, there, protocol, port):
                return f"the intent {intent.name!r} forbids it ({intent.path}:{intent.line})"
        return ""

    def _on(self, claim: Claim, destination: int, protocol: str, port: int) -> bool:
        spans = self._ports.spans(claim.ports, self._ends.ends[destination], beside=claim.beside)
        return any(protocol == other and first <= port <= last for other, (first, last) in spans)

    def _end(self, party: Party) -> int | None:
        """The end that a party is; None for a pod that only a recorder knows, or where a class has several."""
        if party.endpoint is not None:
            return self._of_endpoint.get(id(party.endpoint))
        if party.number >= self._ends.classes:
            return None
        found = self._ends.of_class(party.number, self._ends.everyone)
        if party.address is not None and len(found) > 1:
            version, value = party.address
            spans = {number: self._ends.ends[number].spans for number in found}
            found = [
                number
                for number, several in spans.items()
                if any(family == version and span.first <= value <= span.last for family, span in several)
            ]
        return found[0] if len(found) == 1 else None
