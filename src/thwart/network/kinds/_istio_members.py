"""Which pods are in the mesh, as far as labels tell.

Sources: istio.io docs/setup/additional-setup/sidecar-injection and the webhooks that Istio's charts make (which label
wins), pkg/kube/inject/inject.go (host network, system namespaces), cni/pkg/util/podutil.go (ambient).

Taken as given: the revisions that labels name are installed, and `enableNamespacesByDefault` is off.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from thwart.network.kinds import Surroundings
from thwart.network.model import NOT_INJECTED, AnyOf, Peer, PodPeer
from thwart.network.selectors import Requirement, Selector

NAME = "kubernetes.io/metadata.name"
_BY_NAMESPACE, _REVISION, _BY_POD = "istio-injection", "istio.io/rev", "sidecar.istio.io/inject"
_MODE, _TLS = "istio.io/dataplane-mode", "security.istio.io/tlsMode"
_MANAGED, _ROLE = ("gateway.istio.io/managed", "istio.io/gateway-name"), "istio"
_GATEWAY_ROLES = ("eastwestgateway", "egressgateway", "ingressgateway")
_IGNORED = ("kube-node-lease", "kube-public", "kube-system", "local-path-storage")


class GatewaySpec(msgspec.Struct):
    """`spec` of Istio's own Gateway: the labels of the pods that it configures."""

    selector: dict[str, str | None] | None = None


def pod_labels(around: Surroundings) -> Iterator[Mapping[str, str]]:
    """The different labels of pods: replicas share theirs."""
    yield from {id(pod.labels): pod.labels for pod in around.endpoints}.values()


def signed(around: Surroundings) -> bool:
    """Whether the documents show at all how pods get into the mesh."""
    return any(
        labels.get(_BY_NAMESPACE) == "enabled" or _REVISION in labels or labels.get(_MODE) == "ambient"
        for labels in (namespace.labels for namespace in around.namespaces.values())
    ) or any(
        labels.get(_BY_POD) == "true" or _REVISION in labels or labels.get(_MODE) == "ambient"
        or labels.get(_TLS) == "istio"
        for labels in pod_labels(around)
    )  # fmt: skip


def is_ambient(around: Surroundings) -> bool:
    places = (namespace.labels for namespace in around.namespaces.values())
    return any(labels.get(_MODE) == "ambient" for several in (places, pod_labels(around)) for labels in several)


def requirement(key: str, operator: str, *values: str) -> Requirement:
    return Requirement(key, operator, values)


_SYSTEM = requirement(NAME, "NotIn", *_IGNORED)
_WANTED = (requirement(_BY_POD, "NotIn", "false"), requirement(NOT_INJECTED, "DoesNotExist"))
_NOT_AMBIENT = requirement(_MODE, "NotIn", "ambient")  # there, the revision is that of the waypoints


def injected() -> tuple[Peer, ...]:
    """Pods with a sidecar. A label that says no wins, be it the namespace's or the pod's."""
    unlabelled = (requirement(_BY_NAMESPACE, "DoesNotExist"), requirement(_REVISION, "DoesNotExist"), _SYSTEM)
    return (
        PodPeer(pods=_WANTED, namespaces=(requirement(_BY_NAMESPACE, "In", "enabled"), _SYSTEM)),
        PodPeer(
            pods=_WANTED,
            namespaces=(
                requirement(_BY_NAMESPACE, "DoesNotExist"),
                requirement(_REVISION, "Exists"),
                _NOT_AMBIENT,
                _SYSTEM,
            ),
        ),
        PodPeer(pods=(requirement(_BY_POD, "In", "true"),), namespaces=unlabelled),
        PodPeer(
            pods=(requirement(_REVISION, "Exists"), *_WANTED, _NOT_AMBIENT), namespaces=(*unlabelled, _NOT_AMBIENT)
        ),
        PodPeer(pods=(requirement(_TLS, "In", "istio"),)),  # the injector writes it
    )


def captured() -> tuple[Peer, ...]:
    """Pods of the ambient mesh, as far as they have no sidecar."""
    return (
        PodPeer(pods=(requirement(_MODE, "NotIn", "none"),), namespaces=(requirement(_MODE, "In", "ambient"),)),
        PodPeer(pods=(requirement(_MODE, "In", "ambient"),)),
    )


def unsure(around: Surroundings, *, signed: bool) -> Peer | None:
    """Pods that may be in the mesh: the labels of their namespace were not read, or nothing shows how a pod gets in."""
    if not signed:
        return PodPeer(pods=_WANTED, namespaces=(requirement(_BY_NAMESPACE, "DoesNotExist"), _SYSTEM))
    names = sorted(name for name, namespace in around.namespaces.items() if not namespace.stated)
    return PodPeer(pods=_WANTED, namespaces=(requirement(NAME, "In", *names), _SYSTEM)) if names else None


def gateways(around: Surroundings) -> Peer:
    """Pods that are proxies themselves, whatever the injector does with them."""
    selectors: dict[Selector, None] = {
        (requirement(_ROLE, "In", *_GATEWAY_ROLES),): None,
        **{(requirement(key, "Exists"),): None for key in _MANAGED},
    }
    for item in around.items("networking.istio.io", "Gateway"):
        chosen = item.spec(GatewaySpec).selector
        if chosen:
            selectors[labelled(chosen)] = None
    return AnyOf(tuple(PodPeer(pods=chosen) for chosen in selectors))


def labelled(labels: Mapping[str, str | None]) -> Selector:
    return tuple(sorted(requirement(key, "In", value or "") for key, value in labels.items()))


def any_of(peers: Iterable[Peer]) -> Peer:
    return AnyOf(tuple(dict.fromkeys(peers)))
