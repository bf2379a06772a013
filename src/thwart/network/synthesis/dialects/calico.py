"""NetworkPolicy, projectcalico.org/v3.

Source: Calico's resource reference (network policy, selectors, ports). A rule speaks of one protocol; a selector and nets
in one entity must both match, so that they stand in rules of their own.
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.lib.intervals import WIDTHS
from thwart.network.model import EGRESS, INGRESS
from thwart.network.selectors import Requirement, Selector
from thwart.network.synthesis.asking import EVERY_PORT, PortSet
from thwart.network.synthesis.dialects import Object, dialect
from thwart.network.synthesis.dialects._parts import NAME, block_text, listed, whole
from thwart.network.synthesis.drafting import Draft, DraftRule

_TYPES = {INGRESS: "Ingress", EGRESS: "Egress"}


@dialect
def calico(draft: Draft) -> Object:
    """One NetworkPolicy of Calico, in its default tier."""
    spec: Object = {"selector": _selector(draft.subject), "types": [_TYPES[one] for one in draft.directions]}
    for direction, side in ((INGRESS, "source"), (EGRESS, "destination")):
        rules = [one for rule in draft.rules(direction) for one in _rules(rule, side)]
        if rules:
            spec[direction] = rules
    return {
        "apiVersion": "projectcalico.org/v3",
        "kind": "NetworkPolicy",
        "metadata": {"name": draft.name, "namespace": draft.namespace},
        "spec": spec,
    }


def _rules(rule: DraftRule, side: str) -> Iterator[Object]:
    for entity in _entities(rule):
        for protocol, ports in _ports(rule.ports):
            found: Object = {"action": "Allow"}
            if protocol:
                found["protocol"] = protocol
            ends: dict[str, Object] = {}
            if entity:
                ends[side] = dict(entity)
            if ports:
                ends.setdefault("destination", {})["ports"] = ports
            found.update(sorted(ends.items(), reverse=True))
            yield found


def _entities(rule: DraftRule) -> Iterator[Object]:
    if rule.anyone:
        yield {}
    by_namespaces: dict[tuple[str, ...], list[Selector]] = {}
    for peer in rule.pods:
        by_namespaces.setdefault(peer.namespaces, []).append(peer.pods)
    for namespaces, selectors in by_namespaces.items():
        found: Object = {
            "selector": " || ".join(
                _selector(one) if len(selectors) == 1 else f"({_selector(one)})" for one in selectors
            )
        }
        if namespaces:
            found["namespaceSelector"] = _requirement(Requirement(NAME, "In", namespaces))
        yield found
    for version in WIDTHS:  # a rule may not have nets of both
        nets = [block_text(one.block) for one in rule.blocks if one.block.version == version and not one.excepted]
        if nets:
            yield {"nets": nets}
    for one in rule.blocks:
        if one.excepted:
            yield {"nets": [block_text(one.block)], "notNets": [block_text(block) for block in one.excepted]}


def _selector(selector: Selector) -> str:
    return " && ".join(map(_requirement, selector)) or "all()"


def _requirement(requirement: Requirement) -> str:
    key, operator, values = requirement
    if operator == "DoesNotExist":
        return f"!has({key})"
    if operator == "Exists":
        return f"has({key})"
    quoted = [f"'{value}'" for value in values]
    if operator == "In":
        return f"{key} == {quoted[0]}" if len(quoted) == 1 else f"{key} in {{{', '.join(quoted)}}}"
    return f"{key} != {quoted[0]}" if len(quoted) == 1 else f"{key} not in {{{', '.join(quoted)}}}"


def _ports(ports: PortSet) -> Iterator[tuple[str, list[object]]]:
    """Each protocol with its ports; no ports are all of them, no protocol is every one."""
    if ports == EVERY_PORT:
        yield "", []
        return
    by_protocol: dict[str, list[object]] = {}
    for one in listed(ports):
        found = by_protocol.setdefault(one.protocol, [])
        if not whole(one):
            found.append(one.first if one.first == one.last else f"{one.first}:{one.last}")
    yield from by_protocol.items()
