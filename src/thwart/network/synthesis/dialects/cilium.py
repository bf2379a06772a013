"""CiliumNetworkPolicy, cilium.io/v2.

Source: Cilium's pkg/policy/api (a section that is present isolates; a rule without peers allows nobody) and "Layer 3
policies" (labels of namespaces are reached through `k8s:io.kubernetes.pod.namespace`).
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.network.model import EGRESS, INGRESS
from thwart.network.selectors import Requirement
from thwart.network.synthesis.asking import EVERY_PORT, PortSet
from thwart.network.synthesis.dialects import Object, dialect
from thwart.network.synthesis.dialects._parts import block_text, label_selector, listed, whole
from thwart.network.synthesis.drafting import Draft, DraftRule, PodsPeer

_NAMESPACE = "k8s:io.kubernetes.pod.namespace"
_MOST_PORTS = 40  # of one list (pkg/policy/api rule_validation.go, maxPorts)


@dialect
def cilium(draft: Draft) -> Object:
    """One CiliumNetworkPolicy."""
    spec: Object = {"endpointSelector": label_selector(draft.subject)}
    for direction, way in ((INGRESS, "from"), (EGRESS, "to")):
        if direction in draft.directions:
            rules = [one for rule in draft.rules(direction) for one in _rules(rule, way)]
            spec[direction] = rules or [{}]  # an empty rule allows nobody, and isolates
    return {
        "apiVersion": "cilium.io/v2",
        "kind": "CiliumNetworkPolicy",
        "metadata": {"name": draft.name, "namespace": draft.namespace},
        "spec": spec,
    }


def _rules(rule: DraftRule, way: str) -> Iterator[Object]:
    """One rule for each sort of peer: sorts do not mix in one."""
    ports: Object = {} if rule.ports == EVERY_PORT else {"toPorts": _ports(rule.ports)}
    if rule.anyone:
        yield {f"{way}Entities": ["all"], **ports}
    if rule.pods:
        yield {f"{way}Endpoints": [_selector(peer) for peer in rule.pods], **ports}
    plain = [block_text(one.block) for one in rule.blocks if not one.excepted]
    if plain:
        yield {f"{way}CIDR": plain, **ports}
    holed = [
        {"cidr": block_text(one.block), "except": [block_text(block) for block in one.excepted]}
        for one in rule.blocks
        if one.excepted
    ]
    if holed:
        yield {f"{way}CIDRSet": holed, **ports}
    if rule.nodes:
        yield {f"{way}Entities": ["host", "remote-node"], **ports}


def _selector(peer: PodsPeer) -> Object:
    where = (Requirement(_NAMESPACE, "In", peer.namespaces),) if peer.namespaces else ()
    return label_selector((*where, *peer.pods))


def _ports(ports: PortSet) -> list[object]:
    found: list[object] = []
    for one in listed(ports):
        port: Object = {"port": "0" if whole(one) else str(one.first)}
        if one.last != one.first and not whole(one):
            port["endPort"] = one.last
        found.append({**port, "protocol": one.protocol})
    return [{"ports": found[at : at + _MOST_PORTS]} for at in range(0, len(found), _MOST_PORTS)]
