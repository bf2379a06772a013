"""NetworkPolicy, networking.k8s.io/v1."""

from __future__ import annotations

from thwart.network.model import EGRESS, INGRESS
from thwart.network.selectors import Requirement
from thwart.network.synthesis.asking import EVERY_PORT, Outside, PortSet
from thwart.network.synthesis.dialects import Object, dialect
from thwart.network.synthesis.dialects._parts import NAME, block_text, label_selector, listed, whole
from thwart.network.synthesis.drafting import Draft, DraftRule, PodsPeer

_TYPES = {INGRESS: "Ingress", EGRESS: "Egress"}


@dialect
def kubernetes(draft: Draft) -> Object:
    """One NetworkPolicy."""
    spec: Object = {"podSelector": label_selector(draft.subject)}
    spec["policyTypes"] = [_TYPES[direction] for direction in draft.directions]
    for direction, field in ((INGRESS, "from"), (EGRESS, "to")):
        rules = draft.rules(direction)
        if rules:
            spec[direction] = [_rule(rule, field) for rule in rules]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": draft.name, "namespace": draft.namespace},
        "spec": spec,
    }


def _rule(rule: DraftRule, field: str) -> Object:
    found: Object = {}
    if not rule.anyone:
        found[field] = [*map(_peer, rule.pods), *({"ipBlock": _block(one)} for one in rule.blocks)]
    if rule.ports != EVERY_PORT:
        found["ports"] = _ports(rule.ports)
    return found


def _block(peer: Outside) -> Object:
    found: Object = {"cidr": block_text(peer.block)}
    if peer.excepted:
        found["except"] = [block_text(block) for block in peer.excepted]
    return found


def _peer(peer: PodsPeer) -> Object:
    found: Object = {}
    if peer.namespaces:
        found["namespaceSelector"] = label_selector((Requirement(NAME, "In", peer.namespaces),))
    if peer.pods or not peer.namespaces:
        found["podSelector"] = label_selector(peer.pods)
    return found


def _ports(ports: PortSet) -> list[object]:
    found: list[object] = []
    for one in listed(ports):
        port: Object = {"protocol": one.protocol}
        if not whole(one):
            port["port"] = one.first
            if one.last != one.first:
                port["endPort"] = one.last
        found.append(port)
    return found
