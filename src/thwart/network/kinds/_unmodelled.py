"""Policy kinds that other tools enforce and that are not modelled: what each could change, so that it is unknown."""

from __future__ import annotations

from typing import NamedTuple

from thwart.network.documents import Item
from thwart.network.model import EGRESS, INGRESS, Unmodelled

_BOTH = frozenset({INGRESS, EGRESS})


class _Reach(NamedTuple):
    namespaced: bool
    only_denies: bool = False
    directions: frozenset[str] = _BOTH


_OF_NAMESPACE, _OF_CLUSTER = _Reach(namespaced=True), _Reach(namespaced=False)
_OTHER_MESH = _Reach(namespaced=False, only_denies=True, directions=frozenset({INGRESS}))
_REACH = {
    ("crd.antrea.io", "NetworkPolicy"): _OF_NAMESPACE,
    ("crd.antrea.io", "ClusterNetworkPolicy"): _OF_CLUSTER,
    ("k8s.ovn.org", "EgressFirewall"): _Reach(namespaced=True, only_denies=True, directions=frozenset({EGRESS})),
    # a mesh can refuse what the network lets through, at the destination; it never opens what the network closes
    ("security.istio.io", "AuthorizationPolicy"): _OTHER_MESH,  # of versions that are not modelled
    ("security.istio.io", "PeerAuthentication"): _OTHER_MESH,
    ("policy.linkerd.io", "AuthorizationPolicy"): _Reach(True, only_denies=True, directions=frozenset({INGRESS})),
}
_POLICY_GROUPS = frozenset({"networking.k8s.io", "policy.networking.k8s.io", "extensions"})


def unmodelled(item: Item) -> Unmodelled | None:
    """What this object could change, or None when it is no policy. Staged policies of Calico enforce nothing."""
    group = item.api.rpartition("/")[0]
    reach = _REACH.get((group, item.kind))
    if reach is None:
        looks = item.kind.endswith("NetworkPolicy") and not item.kind.startswith("Staged")
        if not looks:
            return None
        namespaced = item.meta.namespace is not None or (group in _POLICY_GROUPS and item.kind == "NetworkPolicy")
        reach = _Reach(namespaced=namespaced)
    return Unmodelled(
        kind=f"{item.kind} ({item.api})",
        name=item.name,
        namespace=item.namespace if reach.namespaced else None,
        origin=item.origin,
        only_denies=reach.only_denies,
        directions=reach.directions,
    )
