"""What the policy APIs of the cluster's administrator share: subjects and peers by namespaces and pods."""

from __future__ import annotations

import msgspec

from thwart.network.model import PodPeer, Pointer
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
