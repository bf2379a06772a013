"""What of a world does not become rules, or only in part."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from thwart.core.finding import Diagnostic
from thwart.network.enforcement.addresses import Seat
from thwart.network.enforcement.rules import title
from thwart.network.model import (
    ON_THE_NET,
    AllOf,
    AnyOf,
    Maybe,
    NamePeer,
    NodePeer,
    Not,
    Peer,
    Policy,
    Rule,
    World,
    leaves,
)

_MOST = 5  # names in a sentence


def few(names: list[str]) -> str:
    """The first names, and how many more there are."""
    return ", ".join(names[:_MOST]) + (f" and {len(names) - _MOST} more" if len(names) > _MOST else "")


def unplaced(seats: Iterable[Seat]) -> Iterator[Diagnostic]:
    """Pods that rules cannot speak of."""
    without = [seat.endpoint for seat in seats if seat.endpoint is not None and not seat.addresses]
    if without:
        names = [f"{endpoint.namespace}/{endpoint.workload}" for endpoint in without]
        yield Diagnostic(
            slug="pod-not-enforced",
            message=f"pods and workloads without an address get no rules and are in none: {few(names)}",
            hint="give `kubectl get pods -A -o json`, or --address NAMESPACE/NAME=ADDRESS",
        )


def doubtful(world: World) -> Iterator[Diagnostic]:
    """What is not sure is denied rather than allowed, and told."""
    told = any(node.stated for node in world.nodes)
    for policy in world.policies:
        if policy.layer != ON_THE_NET:
            continue
        if _unsure(policy.subject):
            yield _not_enforced(policy, ("spec",), "whom it selects is not in the documents")
        for rule in (*policy.ingress, *policy.egress):
            why = rule.doubt or _unsure_rule(rule, nodes_told=told)
            if why:
                yield _not_enforced(policy, rule.pointer, why)


def _not_enforced(policy: Policy, pointer: tuple[str | int, ...], why: str) -> Diagnostic:
    message = f"{title(policy)}: {why}: it denies what it may deny, and allows only what it surely allows"
    return Diagnostic(slug="policy-not-enforced", message=message, path=f"{policy.origin.path}:{policy.line(pointer)}")


def _unsure_rule(rule: Rule, *, nodes_told: bool) -> str:
    for peer in rule.peers or ():
        if not nodes_told and any(isinstance(leaf, NodePeer) for leaf in leaves(peer)):
            return "which addresses nodes have is not in the documents"
        if any(isinstance(leaf, NamePeer) for leaf in leaves(peer)):
            return "which addresses domain names mean is not in the documents"
        if _unsure(peer):
            return "whom a rule means is not in the documents"
    return ""


def _unsure(peer: Peer) -> bool:
    if isinstance(peer, AnyOf | AllOf):
        return any(map(_unsure, peer.parts))
    return isinstance(peer, Maybe) or (isinstance(peer, Not) and _unsure(peer.part))


def meshed(world: World) -> Iterator[Diagnostic]:
    """Policies that no packet filter enforces."""
    for policy in world.policies:
        if policy.layer != ON_THE_NET:
            message = f"{title(policy)} is enforced in a mesh, not by packet filters: it is left out"
            path = f"{policy.origin.path}:{policy.line()}"
            yield Diagnostic(slug="policy-not-enforced", message=message, path=path)
