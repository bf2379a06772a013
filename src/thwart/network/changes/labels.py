"""Labels that could be set or dropped so that rules that stand already are about a flow, or no longer are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from thwart.network.changes.edits import DROP_LABEL, SET_LABEL, Edit
from thwart.network.changes.small import End, Small
from thwart.network.model import (
    ALLOW,
    EGRESS,
    INGRESS,
    NAME_LABEL,
    AllOf,
    AnyOf,
    Endpoint,
    Peer,
    PodPeer,
    Policy,
    PortMatch,
    Rule,
    leaves,
)
from thwart.network.selectors import Requirement, Selector, matches

_MOST_LABELS = 3  # of one change: one that needs more is no small one
MOST = 16  # candidates of a direction


class Relabelling(NamedTuple):
    """Edits of labels that only help together, and the direction that they are for."""

    direction: str
    edits: frozenset[Edit]


def openings(small: Small, directions: Iterable[str], others: Iterable[Policy]) -> Iterator[Relabelling]:
    """Labels with which a rule allows the flow in a direction.

    `others` are policies of the ends' namespaces that do not select them yet.
    """
    unselecting = list(others)
    for direction in directions:
        own, other = _ends(small, direction)
        if own is None:
            continue
        for policy in small.world.policies:
            for rule in _allowing(small, policy, direction):
                for peer in _pods(rule.peers or ()):
                    yield from _matching(small, peer, other, direction)
        for policy in unselecting:
            subject = policy.subject
            if isinstance(subject, PodPeer) and any(
                _is_about(small, rule, direction) for rule in _allowing(small, policy, direction)
            ):
                yield from _matching(small, subject, own, direction)


def closings(small: Small) -> Iterator[Relabelling]:
    """Labels without which rules that may allow the flow no longer do."""
    for direction in (EGRESS, INGRESS):
        own, other = _ends(small, direction)
        for policy in small.world.policies:
            rules = list(_allowing(small, policy, direction))
            for peer in _pods((policy.subject,)) if rules else ():
                yield from _leaving(small, peer.pods, own, direction)
            for rule in rules:
                for peer in _pods(rule.peers or ()):
                    yield from _leaving(small, peer.pods, other, direction)


def may_select(peer: Peer, endpoint: Endpoint, namespace_labels: Mapping[str, str], edits: Iterable[Edit]) -> bool:
    """Whether a subject could select the endpoint, were some of the edits made; true wherever it is not plain."""
    if isinstance(peer, AnyOf):
        return any(may_select(part, endpoint, namespace_labels, edits) for part in peer.parts)
    if isinstance(peer, AllOf):
        return all(may_select(part, endpoint, namespace_labels, edits) for part in peer.parts)
    if not isinstance(peer, PodPeer):
        return True
    chosen = list(edits)
    if peer.namespace is not None and peer.namespace != endpoint.namespace:
        return False
    return _could(peer.pods, endpoint.labels, [e for e in chosen if not e.namespace]) and _could(
        peer.namespaces, namespace_labels, [e for e in chosen if e.namespace == endpoint.namespace]
    )


def _could(selector: Selector, labels: Mapping[str, str], edits: list[Edit]) -> bool:
    """Whether every requirement could hold, each with its key as it is or as some edit makes it."""
    for requirement in selector:
        made = ({} if e.value is None else {e.key: e.value} for e in edits if e.key == requirement.key)
        if not any(matches((requirement,), one) for one in (labels, *made)):
            return False
    return True


def _ends(small: Small, direction: str) -> tuple[End | None, End | None]:
    ends = (small.destination, small.source) if direction == INGRESS else (small.source, small.destination)
    own, other = (end if small.pod(end) is not None else None for end in ends)
    return own, other


def _pods(peers: Iterable[Peer]) -> Iterator[PodPeer]:
    for peer in peers:
        for leaf in leaves(peer):
            if isinstance(leaf, PodPeer):
                yield leaf


def _allowing(small: Small, policy: Policy, direction: str) -> Iterator[Rule]:
    endpoint = small.endpoint(small.destination)
    for rule in policy.rules(direction):
        ports = rule.ports
        if rule.action == ALLOW and (ports is None or any(_covers(p, small, endpoint) for p in ports)):
            yield rule


def _covers(port: PortMatch, small: Small, destination: Endpoint | None) -> bool:
    if port.protocol not in ("", small.protocol):
        return False
    if not port.name:
        return port.first <= small.port <= port.last
    found = destination.ports if destination and not destination.host_network else ()
    return any(p == (port.name, small.protocol, small.port) for p in ((o.name, o.protocol, o.number) for o in found))


def _is_about(small: Small, rule: Rule, direction: str) -> bool:
    """Whether the rule's peers may hold the other end; false alarms are weeded out when they are judged."""
    if rule.peers is None:
        return True
    _, other = _ends(small, direction)
    pod = small.pod(other) if other else None
    if pod is None:
        return True
    labels = small.world.namespaces[pod.namespace].labels
    return any(may_select(peer, pod, labels, ()) for peer in rule.peers)


def _matching(small: Small, peer: PodPeer, end: End | None, direction: str) -> Iterator[Relabelling]:
    """What must be set for a peer to hold an end."""
    pod = small.pod(end) if end else None
    if end is None or pod is None or (peer.namespace is not None and peer.namespace != pod.namespace):
        return
    edits = set()
    for requirement in _missing(peer.pods, pod.labels):
        edits.add(_change(requirement, end.place, ""))
    for requirement in _missing(peer.namespaces, small.world.namespaces[pod.namespace].labels):
        if requirement.key == NAME_LABEL:
            return  # the API server sets it
        edits.add(_change(requirement, -1, pod.namespace))
    if 0 < len(edits) <= _MOST_LABELS:
        yield Relabelling(direction, frozenset(edits))


def _missing(selector: Selector, labels: Mapping[str, str]) -> Iterator[Requirement]:
    return (requirement for requirement in selector if not matches((requirement,), labels))


def _change(requirement: Requirement, end: int, namespace: str) -> Edit:
    key, operator, values = requirement
    if operator in ("NotIn", "DoesNotExist"):
        return Edit(DROP_LABEL, end=end, namespace=namespace, key=key)
    return Edit(SET_LABEL, end=end, namespace=namespace, key=key, value=values[0] if values else "true")


def _leaving(small: Small, selector: Selector, end: End | None, direction: str) -> Iterator[Relabelling]:
    """What must be dropped for a selector not to hold an end."""
    pod = small.pod(end) if end else None
    if end is None or pod is None:
        return
    for key, operator, _ in selector:
        if operator in ("In", "Exists") and key in pod.labels:
            yield Relabelling(direction, frozenset({Edit(DROP_LABEL, end=end.place, key=key)}))
