"""What the policy APIs of the cluster's administrator share: subjects and peers by namespaces and pods."""

from __future__ import annotations

import msgspec

from thwart.network import model
from thwart.network.kinds._parts import block
from thwart.network.model import INGRESS, BlockPeer, NamePeer, NodePeer, PodPeer, Pointer
from thwart.network.selectors import EVERYTHING, Invalid, LabelSelector, compile_selector


class Pods(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """`pods` of a subject or a peer."""

    namespace_selector: LabelSelector | None = None
    pod_selector: LabelSelector | None = None


class Peer(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """A subject or a peer."""

    namespaces: LabelSelector | None = None
    pods: Pods | None = None
    nodes: LabelSelector | None = None
    networks: list[str] | None = None
    domain_names: list[str] | None = None

    def given(self) -> list[str]:
        """The fields that are there."""
        fields = {
            "namespaces": self.namespaces,
            "pods": self.pods,
            "nodes": self.nodes,
            "networks": self.networks,
            "domainNames": self.domain_names,
        }
        return [name for name, value in fields.items() if value is not None]


def subject(written: Peer | None) -> PodPeer:
    """The pods that a policy is for."""
    peer = written or Peer()
    if peer.given() not in (["namespaces"], ["pods"]):
        raise Invalid(("spec", "subject"), "a subject must have exactly one of namespaces and pods")
    return pods(peer, ("spec", "subject"))


def pods(peer: Peer, pointer: Pointer) -> PodPeer:
    """Pods by their namespace, or by their namespace and their labels."""
    if peer.pods is None:
        return PodPeer(EVERYTHING, None, compile_selector(peer.namespaces, (*pointer, "namespaces")))
    inner = (*pointer, "pods")
    return PodPeer(
        compile_selector(peer.pods.pod_selector, (*inner, "podSelector")),
        None,
        compile_selector(peer.pods.namespace_selector, (*inner, "namespaceSelector")),
    )


def bounded(values: object, pointer: Pointer, what: str, least: int, most: int) -> None:
    """A list of a length that the API server takes."""
    count = len(values) if isinstance(values, list) else least
    if not least <= count <= most:
        raise Invalid(pointer, f"there must be {least} to {most} {what}, not {count}")


def peers_of(peer: Peer, pointer: Pointer, direction: str, *, allows: bool, word: str, most: int) -> list[model.Peer]:
    """The other ends that a peer means. Only a rule that `allows`, which the API calls `word`, may name domains."""
    given = peer.given()
    if len(given) != 1 or (direction == INGRESS and given not in (["namespaces"], ["pods"])):
        allowed = "namespaces and pods" if direction == INGRESS else "namespaces, pods, nodes, networks and domainNames"
        raise Invalid(pointer, f"a peer must have exactly one of {allowed}")
    if peer.nodes is not None:
        return [NodePeer(compile_selector(peer.nodes, (*pointer, "nodes")))]
    if peer.networks is not None:
        bounded(peer.networks, (*pointer, "networks"), "networks", 1, most)
        return [BlockPeer(block(text, (*pointer, "networks", i))) for i, text in enumerate(peer.networks)]
    if peer.domain_names is not None:
        bounded(peer.domain_names, (*pointer, "domainNames"), "names", 1, most)
        if not allows:
            raise Invalid((*pointer, "domainNames"), f"domainNames are only for rules that {word}")
        return [NamePeer(tuple(peer.domain_names))]
    return [pods(peer, pointer)]
