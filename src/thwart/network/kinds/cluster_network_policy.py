"""ClusterNetworkPolicy, policy.networking.k8s.io/v1alpha2.

Source: sigs.k8s.io/network-policy-api, apis/v1alpha2/clusternetworkpolicy_types.go.
"""

from __future__ import annotations

import msgspec

from thwart.network import model
from thwart.network.documents import Item
from thwart.network.kinds import policy_kind
from thwart.network.kinds._parts import check_name, port_name, port_number
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
)
from thwart.network.selectors import Invalid

_TIERS = {"Admin": ADMIN, "Baseline": BASELINE}
_ACTIONS = {"Accept": ALLOW, "Deny": DENY, "Pass": PASS}
_MOST = 25  # rules of a direction, peers and protocols of a rule, networks and names of a peer


class _Range(msgspec.Struct, forbid_unknown_fields=True):
    start: int = 0
    end: int = 0


class _Port(msgspec.Struct, forbid_unknown_fields=True):
    number: int | None = None
    range: _Range | None = None


class _Transport(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    destination_port: _Port | None = None


class _Protocol(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    tcp: _Transport | None = None
    udp: _Transport | None = None
    sctp: _Transport | None = None
    destination_named_port: str | None = None


class _Rule(msgspec.Struct, forbid_unknown_fields=True):
    name: str | None = None
    action: str | None = None
    from_: list[Peer] | None = msgspec.field(default=None, name="from")
    to: list[Peer] | None = None
    protocols: list[_Protocol] | None = None


class _Spec(msgspec.Struct, forbid_unknown_fields=True):
    tier: str | None = None
    priority: int | None = None
    subject: Peer | None = None
    ingress: list[_Rule] | None = None
    egress: list[_Rule] | None = None


@policy_kind("policy.networking.k8s.io/v1alpha2", "ClusterNetworkPolicy")
def cluster_network_policy(item: Item) -> Policy:
    """Decode and check one object."""
    check_name(item, namespaced=False)
    spec = item.spec(_Spec)
    if spec.tier not in _TIERS:
        raise Invalid(("spec", "tier"), f"the tier {spec.tier!r} is not Admin or Baseline")
    if spec.priority is None or not 0 <= spec.priority <= 1000:
        raise Invalid(("spec", "priority"), "priority must be given, from 0 to 1000")
    return Policy(
        kind="ClusterNetworkPolicy",
        name=item.name,
        namespace="",
        tier=_TIERS[spec.tier],
        priority=Priority(spec.priority),
        subject=subject(spec.subject),
        origin=item.origin,
        ingress=_rules(spec.ingress, INGRESS),
        egress=_rules(spec.egress, EGRESS),
    )


def _rules(written: list[_Rule] | None, direction: str) -> tuple[Rule, ...]:
    _bounded(written, ("spec", direction), "rules")
    return tuple(_rule(rule, ("spec", direction, index), index, direction) for index, rule in enumerate(written or ()))


def _bounded(values: object, pointer: Pointer, what: str, least: int = 0) -> None:
    bounded(values, pointer, what, least, _MOST)


def _rule(rule: _Rule, pointer: Pointer, index: int, direction: str) -> Rule:
    field = "from" if direction == INGRESS else "to"
    written = rule.from_ if direction == INGRESS else rule.to
    if rule.action not in _ACTIONS:
        raise Invalid((*pointer, "action"), f"the action {rule.action!r} is not Accept, Deny or Pass")
    if not written:
        raise Invalid((*pointer, field), f"{field} must have at least one peer")
    _bounded(written, (*pointer, field), "peers", 1)
    if rule.protocols is not None:
        _bounded(rule.protocols, (*pointer, "protocols"), "protocols", 1)
    peers: list[model.Peer] = []
    for number, peer in enumerate(written):
        peers += peers_of(
            peer, (*pointer, field, number), direction, allows=rule.action == "Accept", word="Accept", most=_MOST
        )
    ports = None
    if rule.protocols is not None:
        ports = tuple(_ports(p, (*pointer, "protocols", i)) for i, p in enumerate(rule.protocols))
    if ports and any(port.name for port in ports) and any(not isinstance(peer, PodPeer) for peer in peers):
        raise Invalid(pointer, "networks, nodes and domainNames have no named ports")
    return Rule(
        index=index,
        action=_ACTIONS[rule.action],
        peers=tuple(peers),
        ports=ports,
        pointer=pointer,
        name=rule.name or "",
    )


def _ports(written: _Protocol, pointer: Pointer) -> PortMatch:
    transports = {"TCP": written.tcp, "UDP": written.udp, "SCTP": written.sctp}
    chosen = [(name, found) for name, found in transports.items() if found is not None]
    if len(chosen) + (written.destination_named_port is not None) != 1:
        raise Invalid(pointer, "there must be exactly one of tcp, udp, sctp and destinationNamedPort")
    if written.destination_named_port is not None:
        return PortMatch("", name=port_name(written.destination_named_port, (*pointer, "destinationNamedPort")))
    name, transport = chosen[0]
    inner = (*pointer, name.lower(), "destinationPort")
    port = transport.destination_port
    if port is None:
        raise Invalid((*pointer, name.lower()), "destinationPort must be given")
    if (port.number is None) == (port.range is None):
        raise Invalid(inner, "there must be exactly one of number and range")
    if port.range is None:
        number = port_number(port.number or 0, (*inner, "number"))
        return PortMatch(name, number, number)
    first = port_number(port.range.start, (*inner, "range", "start"))
    last = port_number(port.range.end, (*inner, "range", "end"))
    if first >= last:
        raise Invalid((*inner, "range"), f"start {first} must be less than end {last}")
    return PortMatch(name, first, last)
