"""AdminNetworkPolicy and BaselineAdminNetworkPolicy, policy.networking.k8s.io/v1alpha1: what came before v1alpha2.

Sources: sigs.k8s.io/network-policy-api, apis/v1alpha1: adminnetworkpolicy_types.go, baselineadminnetworkpolicy_types.go,
shared_types.go.
"""

from __future__ import annotations

import msgspec

from thwart.network import model
from thwart.network.documents import Item
from thwart.network.kinds import policy_kind
from thwart.network.kinds._parts import check_name, port_name, port_number, protocol
from thwart.network.kinds._tiered import Peer, bounded, peers_of, subject
from thwart.network.model import (
    ADMIN,
    ALLOW,
    BASELINE,
    DENY,
    EGRESS,
    INGRESS,
    PASS,
    PodPeer,
    Pointer,
    Policy,
    PortMatch,
    Priority,
    Rule,
    Tier,
)
from thwart.network.selectors import Invalid, shown

_ACTIONS = {ADMIN: {"Allow": ALLOW, "Deny": DENY, "Pass": PASS}, BASELINE: {"Allow": ALLOW, "Deny": DENY}}
_MOST = 100  # rules of a direction, peers and ports of a rule
_MOST_OF_A_PEER = 25  # networks and domain names


class _Number(msgspec.Struct, forbid_unknown_fields=True):
    protocol: str | None = None
    port: int = 0


class _Range(msgspec.Struct, forbid_unknown_fields=True):
    protocol: str | None = None
    start: int = 0
    end: int = 0


class _Port(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    port_number: _Number | None = None
    port_range: _Range | None = None
    named_port: str | None = None


class _Rule(msgspec.Struct, forbid_unknown_fields=True):
    name: str | None = None
    action: str | None = None
    from_: list[Peer] | None = msgspec.field(default=None, name="from")
    to: list[Peer] | None = None
    ports: list[_Port] | None = None


class _Spec(msgspec.Struct, forbid_unknown_fields=True):
    priority: int | None = None
    subject: Peer | None = None
    ingress: list[_Rule] | None = None
    egress: list[_Rule] | None = None


@policy_kind("policy.networking.k8s.io/v1alpha1", "AdminNetworkPolicy")
def admin_network_policy(item: Item) -> Policy:
    """Decode and check one object."""
    spec = item.spec(_Spec)
    if spec.priority is None or not 0 <= spec.priority <= 1000:
        raise Invalid(("spec", "priority"), "priority must be given, from 0 to 1000")
    return _policy(item, spec, ADMIN, spec.priority)


@policy_kind("policy.networking.k8s.io/v1alpha1", "BaselineAdminNetworkPolicy")
def baseline_admin_network_policy(item: Item) -> Policy:
    """Decode and check the one object of this kind."""
    if item.name != "default":
        raise Invalid(("metadata", "name"), "the one BaselineAdminNetworkPolicy of a cluster is called default")
    return _policy(item, item.spec(_Spec), BASELINE, 0)


def _policy(item: Item, spec: _Spec, tier: Tier, priority: int) -> Policy:
    check_name(item, namespaced=False)
    return Policy(
        kind=item.kind,
        name=item.name,
        namespace="",
        tier=tier,
        priority=Priority(priority),
        subject=subject(spec.subject),
        origin=item.origin,
        ingress=_rules(spec.ingress, INGRESS, tier),
        egress=_rules(spec.egress, EGRESS, tier),
    )


def _rules(written: list[_Rule] | None, direction: str, tier: Tier) -> tuple[Rule, ...]:
    bounded(written, ("spec", direction), "rules", 0, _MOST)
    return tuple(_rule(rule, ("spec", direction, i), i, direction, tier) for i, rule in enumerate(written or ()))


def _rule(rule: _Rule, pointer: Pointer, index: int, direction: str, tier: Tier) -> Rule:
    field = "from" if direction == INGRESS else "to"
    written = rule.from_ if direction == INGRESS else rule.to
    action = _ACTIONS[tier].get(rule.action or "")
    if action is None:
        raise Invalid((*pointer, "action"), f"the action {shown(rule.action or '')} is not {_listed(_ACTIONS[tier])}")
    bounded(written or [], (*pointer, field), "peers", 1, _MOST)
    bounded(rule.ports, (*pointer, "ports"), "ports", 0, _MOST)
    peers: list[model.Peer] = []
    for number, peer in enumerate(written or ()):
        peers += peers_of(
            peer, (*pointer, field, number), direction, allows=action == ALLOW, word="Allow", most=_MOST_OF_A_PEER
        )
    ports = tuple(_port(port, (*pointer, "ports", i)) for i, port in enumerate(rule.ports or ())) or None
    if ports and any(port.name for port in ports) and any(not isinstance(peer, PodPeer) for peer in peers):
        raise Invalid(pointer, "networks, nodes and domainNames have no named ports")
    return Rule(index=index, action=action, peers=tuple(peers), ports=ports, pointer=pointer, name=rule.name or "")


def _listed(actions: dict[str, str]) -> str:
    *some, last = actions
    return f"{', '.join(some)} or {last}"


def _port(written: _Port, pointer: Pointer) -> PortMatch:
    if sum(value is not None for value in (written.port_number, written.port_range, written.named_port)) != 1:
        raise Invalid(pointer, "there must be exactly one of portNumber, portRange and namedPort")
    if written.named_port is not None:
        return PortMatch("", name=port_name(written.named_port, (*pointer, "namedPort")))
    if written.port_number is not None:
        inner = (*pointer, "portNumber")
        number = port_number(written.port_number.port, (*inner, "port"))
        return PortMatch(protocol(written.port_number.protocol, (*inner, "protocol")), number, number)
    span = written.port_range or _Range()
    inner = (*pointer, "portRange")
    first, last = port_number(span.start, (*inner, "start")), port_number(span.end, (*inner, "end"))
    if first >= last:
        raise Invalid(inner, f"start {first} must be less than end {last}")
    return PortMatch(protocol(span.protocol, (*inner, "protocol")), first, last)
