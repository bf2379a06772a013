"""NetworkPolicy, networking.k8s.io/v1.

Sources: k8s.io/api/networking/v1/types.go for the meaning, pkg/apis/networking/v1/defaults.go for what is filled in,
pkg/apis/networking/validation for what is refused.
"""

from __future__ import annotations

import msgspec

from thwart.network.documents import Item
from thwart.network.kinds import policy_kind
from thwart.network.kinds._parts import block, check_name, port_name, port_number, protocol
from thwart.network.model import (
    ALLOW,
    EGRESS,
    INGRESS,
    NETWORK,
    BlockPeer,
    Peer,
    PodPeer,
    Pointer,
    Policy,
    PortMatch,
    Rule,
)
from thwart.network.selectors import Invalid, LabelSelector, compile_selector

_TYPES = {"Ingress": INGRESS, "Egress": EGRESS}


class _Port(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    protocol: str | None = None
    port: int | str | None = None
    end_port: int | None = None


class _Block(msgspec.Struct, forbid_unknown_fields=True):
    cidr: str | None = None
    except_: list[str | None] | None = msgspec.field(default=None, name="except")


class _Peer(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    pod_selector: LabelSelector | None = None
    namespace_selector: LabelSelector | None = None
    ip_block: _Block | None = None


class _Rule(msgspec.Struct, forbid_unknown_fields=True):
    ports: list[_Port | None] | None = None
    from_: list[_Peer | None] | None = msgspec.field(default=None, name="from")
    to: list[_Peer | None] | None = None


class _Spec(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    pod_selector: LabelSelector | None = None
    policy_types: list[str | None] | None = None
    ingress: list[_Rule | None] | None = None
    egress: list[_Rule | None] | None = None


@policy_kind("networking.k8s.io/v1", "NetworkPolicy")
def network_policy(item: Item) -> Policy:
    """Decode and check one object."""
    check_name(item, namespaced=True)
    spec = item.spec(_Spec)
    namespace = item.namespace
    subject = PodPeer(compile_selector(spec.pod_selector, ("spec", "podSelector")), namespace)
    ingress = _rules(spec.ingress, INGRESS, namespace)
    egress = _rules(spec.egress, EGRESS, namespace)
    isolates = _directions(spec)
    return Policy(
        kind="NetworkPolicy",
        name=item.name,
        namespace=namespace,
        tier=NETWORK,
        subject=subject,
        origin=item.origin,
        isolates=isolates,
        ingress=ingress if INGRESS in isolates else (),
        egress=egress if EGRESS in isolates else (),
    )


def _directions(spec: _Spec) -> frozenset[str]:
    """Ingress always, egress if there is an egress rule, where nothing is given (defaults.go)."""
    if not spec.policy_types:
        return frozenset({INGRESS, EGRESS} if spec.egress else {INGRESS})
    if len(spec.policy_types) > len(_TYPES):
        raise Invalid(("spec", "policyTypes"), "policyTypes may not have more than two entries")
    for index, name in enumerate(spec.policy_types):
        if name not in _TYPES:
            raise Invalid(("spec", "policyTypes", index), f"the policy type {name!r} is not Ingress or Egress")
    return frozenset(_TYPES[name] for name in spec.policy_types if name)


def _rules(written: list[_Rule | None] | None, direction: str, namespace: str) -> tuple[Rule, ...]:
    rules = []
    for index, rule in enumerate(written or ()):
        pointer = ("spec", direction, index)
        found = rule or _Rule()  # Go decodes null as an empty rule
        field = "from" if direction == INGRESS else "to"
        peers = found.from_ if direction == INGRESS else found.to
        rules.append(
            Rule(
                index=index,
                action=ALLOW,
                # none given, null or empty: everyone (types.go, "empty or missing")
                peers=tuple(_peer(p, namespace, (*pointer, field, i)) for i, p in enumerate(peers)) if peers else None,
                ports=tuple(_port(p, (*pointer, "ports", i)) for i, p in enumerate(found.ports))
                if found.ports
                else None,
                pointer=pointer,
            )
        )
    return tuple(rules)


def _peer(written: _Peer | None, namespace: str, pointer: Pointer) -> Peer:
    peer = written or _Peer()
    if peer.ip_block is not None:
        if peer.pod_selector is not None or peer.namespace_selector is not None:
            raise Invalid(pointer, "ipBlock may not stand beside another peer")
        return _block_peer(peer.ip_block, (*pointer, "ipBlock"))
    if peer.pod_selector is None and peer.namespace_selector is None:
        raise Invalid(pointer, "a peer must be given: podSelector, namespaceSelector or ipBlock")
    pods = compile_selector(peer.pod_selector, (*pointer, "podSelector"))
    if peer.namespace_selector is None:
        return PodPeer(pods, namespace)
    return PodPeer(pods, None, compile_selector(peer.namespace_selector, (*pointer, "namespaceSelector")))


def _block_peer(written: _Block, pointer: Pointer) -> BlockPeer:
    if not written.cidr:
        raise Invalid((*pointer, "cidr"), "cidr must be given")
    whole = block(written.cidr, (*pointer, "cidr"))
    holes = []
    for index, text in enumerate(written.except_ or ()):
        hole = block(text or "", (*pointer, "except", index))
        inside = hole.version == whole.version and whole.first <= hole.first and hole.last <= whole.last
        if not inside or hole == whole:
            raise Invalid((*pointer, "except", index), f"except {text} must be a strict subset of cidr {written.cidr}")
        holes.append(hole)
    return BlockPeer(whole, tuple(holes))


def _port(written: _Port | None, pointer: Pointer) -> PortMatch:
    port = written or _Port()
    name = protocol(port.protocol, (*pointer, "protocol"))
    end = port.end_port
    if port.port is None:
        if end is not None:
            raise Invalid((*pointer, "endPort"), "endPort may not be given without port")
        return PortMatch(name)  # every port of this protocol, TCP where none is given
    if isinstance(port.port, str):
        if end is not None:
            raise Invalid((*pointer, "endPort"), "endPort may not be given when port is a name")
        return PortMatch(name, name=port_name(port.port, (*pointer, "port")))
    first = port_number(port.port, (*pointer, "port"))
    if end is None:
        return PortMatch(name, first, first)
    if end < first:
        raise Invalid((*pointer, "endPort"), f"endPort {end} must be greater than or equal to port {first}")
    return PortMatch(name, first, port_number(end, (*pointer, "endPort")))
