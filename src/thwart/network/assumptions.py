"""What an answer takes for granted, because the documents do not say it."""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.finding import Diagnostic
from thwart.network.model import NAME_LABEL, BlockPeer, Peer, PodPeer, World, leaves


def assumptions(world: World) -> list[Diagnostic]:
    """Notes for the reader; none makes a result incomplete."""
    return [*_addresses(world), *_namespaces(world), *_mixed(world)]


def _peers(world: World) -> Iterator[Peer]:
    for policy in world.policies:
        yield from leaves(policy.subject)
        for rule in (*policy.ingress, *policy.egress):
            for peer in rule.peers or ():
                yield from leaves(peer)


def _addresses(world: World) -> Iterator[Diagnostic]:
    without = sum(not endpoint.addresses for endpoint in world.endpoints)
    if without and any(isinstance(peer, BlockPeer) for peer in _peers(world)):
        yield Diagnostic(
            slug="pod-addresses-unknown",
            message=f"{without} pods and workloads have no address in these documents: "
            "they are taken to lie in no ipBlock that allows",
            incomplete=False,
            hint="give the output of `kubectl get pods -A -o json` to have their addresses",
        )


def _namespaces(world: World) -> Iterator[Diagnostic]:
    unstated = sorted(name for name, namespace in world.namespaces.items() if not namespace.stated)
    selectors = [peer.namespaces for peer in _peers(world) if isinstance(peer, PodPeer) and peer.namespace is None]
    looks = any(requirement.key != NAME_LABEL for selector in selectors for requirement in selector)
    if unstated and looks:
        shown = ", ".join(unstated[:5]) + (f" and {len(unstated) - 5} more" if len(unstated) > 5 else "")
        yield Diagnostic(
            slug="namespace-labels-unknown",
            message=f"namespaces without a document are taken to have no label but their name: {shown}",
            incomplete=False,
            hint="give the output of `kubectl get namespaces -o json` to have their labels",
        )


def _mixed(world: World) -> Iterator[Diagnostic]:
    kinds = {policy.kind for policy in world.policies}
    if "NetworkPolicy" in kinds and any(kind.startswith("Cilium") for kind in kinds):
        yield Diagnostic(
            slug="read-differently-by-cilium",
            message="NetworkPolicy is read as Kubernetes defines it: under Cilium an ipBlock never holds a pod or a node, "
            "and a namespaceSelector that only excludes also holds nodes and addresses outside",
            incomplete=False,
        )
    if any(kind.startswith("Calico") for kind in kinds) and any(kind.startswith("Cilium") for kind in kinds):
        yield Diagnostic(
            slug="two-enforcers",
            message="there are policies of Calico and of Cilium: a cluster enforces those of one, here both count",
            incomplete=False,
        )
