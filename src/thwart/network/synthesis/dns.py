"""Where the cluster's names are resolved."""

from __future__ import annotations

from collections.abc import Iterable

from thwart.network.model import Endpoint, World
from thwart.network.synthesis.asking import Peer, Ports, Request
from thwart.network.synthesis.ends import Gazetteer
from thwart.network.synthesis.services import Backends

_SERVICES = (
    ("kube-system", "kube-dns"),
    ("kube-system", "coredns"),
    ("kube-system", "rke2-coredns-rke2-coredns"),
    ("openshift-dns", "dns-default"),
)
_LABELS = (
    ("kube-system", "k8s-app", "kube-dns"),
    ("kube-system", "k8s-app", "coredns"),
    ("kube-system", "app.kubernetes.io/name", "coredns"),
    ("openshift-dns", "dns.operator.openshift.io/daemonset-dns", "default"),
)
_NUMBERS = {"kube-system": 53, "openshift-dns": 5353}  # of pods; OpenShift's listen on 5353 behind a service on 53
_PROTOCOLS = ("UDP", "TCP")


def resolvers(world: World, places: Gazetteer, backends: Backends, request: Request) -> list[tuple[Peer, Ports]]:
    """Peers and ports at which pods resolve names, as far as they were read; else all of kube-system."""
    for namespace, name in _SERVICES:
        found = _behind(namespace, name, places, backends)
        if found:
            return found
    for namespace, key, value in _LABELS:
        pods = [e for e in world.endpoints if e.namespace == namespace and e.labels.get(key) == value]
        if pods:
            return list(dict.fromkeys(_of_pods(pods, namespace, places, request)))
    sentence = "no pods of the cluster's DNS were read: every pod of kube-system is taken for one, on port 53"
    request.note("dns-not-read", sentence)
    peer = request.phantom("kube-system", (), "dns")
    return [(peer, Ports(protocol, 53, 53)) for protocol in _PROTOCOLS]


def _behind(namespace: str, name: str, places: Gazetteer, backends: Backends) -> list[tuple[Peer, Ports]]:
    found: dict[tuple[Peer, Ports], None] = {}
    for protocol in _PROTOCOLS:
        for end, port in backends.behind(namespace, name, protocol, 53):
            for peer in places.target(end).peers:
                found[peer, Ports(protocol, port, port)] = None
    return list(found)


def _of_pods(
    pods: Iterable[Endpoint], namespace: str, places: Gazetteer, request: Request
) -> Iterable[tuple[Peer, Ports]]:
    for pod in pods:
        for protocol in _PROTOCOLS:
            named = [p.number for p in pod.ports if p.protocol == protocol and p.name.startswith("dns")]
            for number in named or [_NUMBERS[namespace]]:
                for peer in places.place(pod).peers:
                    yield peer, Ports(protocol, number, number)
        if pod.host_network and not places.place(pod).peers:
            request.note("dns-not-read", "the cluster's DNS runs in the network of nodes whose address is not known")


def resolve_for(sources: Iterable[Peer], world: World, places: Gazetteer, backends: Backends, request: Request) -> None:
    """Let these resolve names."""
    wanted = resolvers(world, places, backends, request)
    for source in sources:
        for peer, ports in wanted:
            if peer != source:
                request.add(source, peer, ports, "resolves names")
