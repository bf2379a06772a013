"""Policies and rules as the YAML that a person would write."""

from __future__ import annotations

from typing import Any

from thwart.lib.intervals import WIDTHS, Address, Block
from thwart.network.model import (
    ADMIN,
    ALLOW,
    DENY,
    INGRESS,
    NAME_LABEL,
    BlockPeer,
    Peer,
    PodPeer,
    Policy,
    PortMatch,
    Rule,
    World,
)
from thwart.network.selectors import Selector
from thwart.network.written import written_spec

_ACTIONS = {
    "ClusterNetworkPolicy": {ALLOW: "Accept", DENY: "Deny"},
    "AdminNetworkPolicy": {ALLOW: "Allow", DENY: "Deny"},
    "BaselineAdminNetworkPolicy": {ALLOW: "Allow", DENY: "Deny"},
}
_CALICO = ("CalicoNetworkPolicy", "GlobalNetworkPolicy")
_CILIUM = ("CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy")
ORDERED = frozenset(_ACTIONS)  # kinds of the network-policy-api, whose rules are tried in order


def knows_both(policy: Policy, world: World) -> bool:
    """Whether rules of the kind are tried in order, and allow or deny."""
    return policy.kind in ORDERED or (policy.kind in _CALICO and _whole(policy, world))


def _whole(policy: Policy, world: World) -> bool:
    """Whether the policy is all that its object made, so that its last rule is the object's last rule."""
    return sum(other.origin is policy.origin for other in world.policies) == 1


def can_add(rule: Rule, policy: Policy, world: World, outside: bool) -> bool:
    """Whether a kind has such a rule. Cilium's blocks hold neither pods nor nodes (its documentation, "CIDR based")."""
    in_blocks = any(isinstance(peer, BlockPeer) for peer in rule.peers or ())
    if policy.kind in _CALICO:
        return _whole(policy, world)
    return not (in_blocks and policy.kind in _CILIUM) or outside


def can_remove(rule: Rule, policy: Policy, world: World) -> bool:
    """Whether a valid object is left without a rule: Cilium wants at least one."""
    if policy.kind not in _CILIUM:
        return True
    others = {
        other.pointer
        for part in world.policies
        if part.origin is policy.origin
        for other in (*part.ingress, *part.egress)
    }
    return rule.pointer[:1] == ("spec",) and len(others) > 1


def kept_text(policy: Policy, direction: str) -> str:
    """What must be written out so that a policy isolates as before when rules are taken out of it; empty if nothing."""
    spec = written_spec(policy.origin)
    if policy.kind == "NetworkPolicy" and direction != INGRESS and not spec.get("policyTypes"):
        # networking/v1 defaults.go: without policyTypes, egress is isolated only while there is an egress rule
        return text({"spec": {"policyTypes": ["Ingress", "Egress"]}})
    if policy.kind in _CALICO and not spec.get("types"):
        egress = bool(spec.get("egress"))
        types = [*(["Ingress"] if spec.get("ingress") or not egress else []), *(["Egress"] if egress else [])]
        return text({"spec": {"types": types}})
    given = spec.get("enableDefaultDeny")
    if policy.kind in _CILIUM and (not isinstance(given, dict) or given.get(direction) is None):
        isolates = {way: bool(spec.get(way) or spec.get(f"{way}Deny")) for way in ("ingress", "egress")}
        return text({"spec": {"enableDefaultDeny": {**isolates, **(given if isinstance(given, dict) else {})}}})
    return ""


def text(document: dict[str, Any]) -> str:
    """YAML, keys in the order in which they were given, the innermost lists and mappings on one line."""
    import yaml

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    written: str = yaml.dump(document, Dumper=dumper, sort_keys=False, default_flow_style=None, width=1000)
    return written


def rule_text(rule: Rule, kind: str, direction: str) -> str:
    """A rule below `spec`; empty for kinds that are written in another way."""
    if kind == "NetworkPolicy":
        return text({"spec": {direction: [_plain_rule(rule, direction)]}})
    if kind in ORDERED:
        return text({"spec": {direction: [_ordered_rule(rule, kind, direction)]}})
    if kind in _CALICO:
        return text({"spec": {direction: [_calico_rule(rule, direction)]}})
    if kind in _CILIUM:
        return text({"spec": {direction: [_cilium_rule(rule, direction)]}})
    return ""


def policy_text(policy: Policy) -> str:
    """A whole NetworkPolicy or ClusterNetworkPolicy."""
    direction = INGRESS if INGRESS in policy.isolates or policy.ingress else "egress"
    rules = policy.rules(direction)
    subject = policy.subject
    assert isinstance(subject, PodPeer)
    if policy.tier == ADMIN:
        spec: dict[str, Any] = {
            "tier": "Admin",
            "priority": int(policy.priority.order),
            "subject": {"pods": _both(subject)},
            direction: [_ordered_rule(rule, policy.kind, direction) for rule in rules],
        }
        return text(_document("policy.networking.k8s.io/v1alpha2", policy, spec))
    spec = {"podSelector": _selector(subject.pods), "policyTypes": [direction.capitalize()]}
    if rules:
        spec[direction] = [_plain_rule(rule, direction) for rule in rules]
    return text(_document("networking.k8s.io/v1", policy, spec))


def _document(api: str, policy: Policy, spec: dict[str, Any]) -> dict[str, Any]:
    meta = {"name": policy.name, **({"namespace": policy.namespace} if policy.namespace else {})}
    return {"apiVersion": api, "kind": policy.kind, "metadata": meta, "spec": spec}


def _plain_rule(rule: Rule, direction: str) -> dict[str, Any]:
    field = "from" if direction == INGRESS else "to"
    return {
        field: [_plain_peer(peer) for peer in rule.peers or ()],
        "ports": [{"protocol": port.protocol, "port": port.first} for port in rule.ports or ()],
    }


def _plain_peer(peer: Peer) -> dict[str, Any]:
    if isinstance(peer, BlockPeer):
        return {"ipBlock": {"cidr": _cidr(peer.block)}}
    assert isinstance(peer, PodPeer)
    if peer.namespace is not None:
        return {"podSelector": _selector(peer.pods)}
    return _both(peer)


def _both(peer: PodPeer) -> dict[str, Any]:
    return {"namespaceSelector": _selector(peer.namespaces), "podSelector": _selector(peer.pods)}


def _selector(selector: Selector) -> dict[str, Any]:
    return {"matchLabels": {key: values[0] for key, _, values in selector}} if selector else {}


def _cidr(block: Block) -> str:
    return f"{Address(block.version, block.first)}/{WIDTHS[block.version] - (block.last - block.first).bit_length()}"


def _ordered_rule(rule: Rule, kind: str, direction: str) -> dict[str, Any]:
    peers = [
        {"networks": [_cidr(peer.block)]} if isinstance(peer, BlockPeer) else {"pods": _ordered_pods(peer)}
        for peer in rule.peers or ()
    ]
    found = {"action": _ACTIONS[kind][rule.action], "from" if direction == INGRESS else "to": peers}
    if kind == "ClusterNetworkPolicy":
        found["protocols"] = [_protocol(port) for port in rule.ports or ()]
    else:
        found["ports"] = [{"portNumber": {"protocol": p.protocol, "port": p.first}} for p in rule.ports or ()]
    return found


def _ordered_pods(peer: Peer) -> dict[str, Any]:
    assert isinstance(peer, PodPeer)
    if peer.namespace is None:
        return _both(peer)
    return {
        "namespaceSelector": {"matchLabels": {NAME_LABEL: peer.namespace}},
        "podSelector": _selector(peer.pods),
    }


def _protocol(port: PortMatch) -> dict[str, Any]:
    return {port.protocol.lower(): {"destinationPort": {"number": port.first}}}


def _calico_rule(rule: Rule, direction: str) -> dict[str, Any]:
    (peer,) = rule.peers or ()
    (port,) = rule.ports or ()
    end: dict[str, Any] = {}
    if isinstance(peer, BlockPeer):
        end["nets"] = [_cidr(peer.block)]
    elif isinstance(peer, PodPeer):
        where = peer.namespace or next(values[0] for _, _, values in peer.namespaces)
        end["namespaceSelector"] = f"kubernetes.io/metadata.name == '{where}'"
        end["selector"] = " && ".join(f"{key} == '{values[0]}'" for key, _, values in peer.pods) or "all()"
    found: dict[str, Any] = {"action": "Allow" if rule.action == ALLOW else "Deny", "protocol": port.protocol}
    if direction == INGRESS:
        return {**found, "source": end, "destination": {"ports": [port.first]}}
    return {**found, "destination": {**end, "ports": [port.first]}}


def _cilium_rule(rule: Rule, direction: str) -> dict[str, Any]:
    (peer,) = rule.peers or ()
    (port,) = rule.ports or ()
    side = "from" if direction == INGRESS else "to"
    found: dict[str, Any] = {}
    if isinstance(peer, BlockPeer):
        found[f"{side}CIDR"] = [_cidr(peer.block)]
    elif isinstance(peer, PodPeer):
        where = peer.namespace or next(values[0] for _, _, values in peer.namespaces)
        labels = {f"k8s:{key}": values[0] for key, _, values in peer.pods}
        found[f"{side}Endpoints"] = [{"matchLabels": {"k8s:io.kubernetes.pod.namespace": where, **labels}}]
    return {**found, "toPorts": [{"ports": [{"port": str(port.first), "protocol": port.protocol}]}]}
