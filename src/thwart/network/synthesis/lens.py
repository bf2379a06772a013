"""A policy about nobody: it changes no answer, but what it names the engine tells apart."""

from __future__ import annotations

from collections.abc import Iterable

from thwart.network.model import ALLOW, NETWORK, Endpoint, Peer, PodPeer, Policy, PortMatch, Rule
from thwart.network.origins import NoOrigin
from thwart.network.selectors import Requirement
from thwart.network.synthesis.labels import stable

_NOWHERE = PodPeer((), "/")  # no namespace can be called so


def inert(subject: Peer = _NOWHERE, rules: tuple[Rule, ...] = (), isolates: frozenset[str] = frozenset()) -> Policy:
    """A policy that allows nothing to anybody who is not in the subject."""
    return Policy(
        kind="(proof)",
        name="(proof)",
        namespace="",
        tier=NETWORK,
        subject=subject,
        origin=NoOrigin(""),
        isolates=isolates,
        ingress=rules,
    )


def lens_of(endpoints: Iterable[Endpoint], peers: Iterable[Peer] = (), ports: Iterable[PortMatch] = ()) -> Policy:
    """A lens for every stable label of some endpoints, and for these peers and ports."""
    values: dict[str, set[str]] = {}
    for labels in {id(endpoint.labels): endpoint.labels for endpoint in endpoints}.values():
        for key, value in stable(labels):
            values.setdefault(key, set()).add(value)
    every: list[Peer] = [
        PodPeer((Requirement(key, "In", tuple(sorted(found))),)) for key, found in sorted(values.items())
    ]
    named = tuple(dict.fromkeys((*every, *peers)))
    return inert(rules=(Rule(index=0, action=ALLOW, peers=named, ports=tuple(dict.fromkeys(ports)), pointer=()),))
