"""Flow logs as a request: what was seen on the wire is asked for, what policies do not decide is counted."""

from __future__ import annotations

from collections.abc import Iterable

from thwart.network.flowlogs import End, FlowRecord, Problem
from thwart.network.model import LAST_PORT, PROTOCOLS
from thwart.network.synthesis.asking import Ports, Request
from thwart.network.synthesis.ends import Gazetteer, Place, Unmatched
from thwart.network.synthesis.services import Backends

DROPPED = {
    "denied": "it was denied",
    "unmatched": "an end is nothing that was read",
    "no-pod": "no end is a pod: network policies have no say",
    "same-pod": "a pod to itself: policies do not stop it",
    "own-node": "from the pod's own node: policies do not stop it",
    "host-network": "an end is in the network of a node whose address is not known: no policy can name it",
    "other-protocol": "not a protocol and port that network policies define",
    "no-backend": "no pod stands behind that port of the service",
}
_Key = tuple[End, End, str, int]


class Learner:
    """Takes records one by one; equal ones are looked at once."""

    def __init__(self, places: Gazetteer, services: Backends, request: Request, *, denied: bool = False) -> None:
        self._places = places
        self._services = services
        self._request = request
        self._denied = denied
        self._known: dict[_Key, str] = {}

    def learn(self, records: Iterable[FlowRecord | Problem]) -> None:
        """Ask for everything that was let through; with `denied` also for what was not."""
        for record in records:
            if isinstance(record, Problem):
                slug = "unreadable-flow" if record.incomplete else "other-protocol"
                self._request.drop(slug, f"line {record.line}: {record.message}")
            elif record.verdict is False and not self._denied:
                self._request.drop("denied", self._words(record), record.count)
            else:
                self._take(record)

    def _words(self, record: FlowRecord) -> str:
        return f"line {record.line}: {record.source} -> {record.destination}, {record.protocol} {record.port}"

    def _take(self, record: FlowRecord) -> None:
        key = (record.source, record.destination, record.protocol, record.port)
        outcome = self._known.get(key)
        if outcome is None:
            try:
                outcome = self._ask(record)
            except Unmatched as error:
                outcome = "unmatched"
                self._request.drop(outcome, f"line {record.line}: {error}", record.count)
                self._known[key] = outcome
                return
            self._known[key] = outcome
        if outcome:
            self._request.drop(outcome, self._words(record), record.count)
        else:
            self._request.learned += 1

    def _ask(self, record: FlowRecord) -> str:
        """Ask for a flow; the slug of what is in the way, or nothing."""
        if record.protocol not in PROTOCOLS or not 1 <= record.port <= LAST_PORT:
            return "other-protocol"
        source = self._places.find(record.source, self._request)
        destination = self._places.find(record.destination, self._request)
        if source.service is not None:
            raise Unmatched(f"{record.source} is a service, and services open no connections")
        targets = [(destination, record.port)]
        if destination.service is not None:
            found = self._services.behind(*destination.service, record.protocol, record.port)
            targets = [(self._places.target(end), port) for end, port in found]
            if not targets:
                return "no-backend"
        outcomes = [self._connect(source, place, record.protocol, port) for place, port in targets]
        return "" if "" in outcomes else outcomes[0]

    def _connect(self, source: Place, destination: Place, protocol: str, port: int) -> str:
        why = undecided(source, destination)
        if not why:
            for here in source.peers:
                for there in destination.peers:
                    self._request.add(here, there, Ports(protocol, port, port))
        return why


def undecided(source: Place, destination: Place) -> str:
    """Why no policy decides about a connection, as a slug; empty when one does."""
    if not source.pods and not destination.pods:
        return "no-pod"
    if source.endpoint is not None and source.endpoint is destination.endpoint:
        return "same-pod"
    if source.host and source.node and source.node == destination.node:
        return "own-node"
    if not source.peers or not destination.peers:
        return "host-network"
    return ""
