"""Layer 3 of Cilium's rules: who is meant.

Sources: cilium pkg/policy/api/rule_validation.go (what may stand together), pkg/policy/utils/parserules.go
(mergeEndpointSelectors: an empty list selects nothing), pkg/policy/types/selector.go (CIDRs match neither pods nor
nodes), pkg/policy/api/entity.go, pkg/policy/k8s/service.go (toServices), pkg/policy/k8s/cilium_cidr_group.go,
Documentation/security/policy/layer3.rst.
"""

from __future__ import annotations

import re
from typing import Any

from thwart.lib.intervals import Block
from thwart.network.documents import Item
from thwart.network.kinds import supporting_kind
from thwart.network.kinds._cilium_labels import Condition, conditions
from thwart.network.kinds._cilium_ports import Place, check_name
from thwart.network.kinds._cilium_selectors import (
    EVERYONE,
    HOSTS,
    NOBODY,
    OUTSIDE,
    PODS,
    Context,
    endpoints,
    labelled,
    nodes,
    reserved,
)
from thwart.network.kinds._cilium_types import CidrGroup, CidrRule, Name, PeerParts, ToService
from thwart.network.kinds._parts import block
from thwart.network.kinds._parts import check_name as check_object
from thwart.network.kinds._supporting import Service
from thwart.network.model import AllOf, AnyOf, BlockPeer, Maybe, NamePeer, Not, Peer, PodPeer, Pointer
from thwart.network.selectors import EVERYTHING, Invalid, LabelSelector, Selector, matches, shown

_ENTITIES = frozenset(
    [
        "all",
        "world",
        "cluster",
        "cluster-mesh",
        "host",
        "init",
        "ingress",
        "unmanaged",
        "remote-node",
        "health",
        "none",
        "kube-apiserver",
    ]
)
_FIELDS = {
    "endpoints": ("fromEndpoints", "toEndpoints"),
    "cidr": ("fromCIDR", "toCIDR"),
    "cidr_set": ("fromCIDRSet", "toCIDRSet"),
    "entities": ("fromEntities", "toEntities"),
    "nodes": ("fromNodes", "toNodes"),
    "groups": ("fromGroups", "toGroups"),
    "services": ("toServices", "toServices"),
    "fqdns": ("toFQDNs", "toFQDNs"),
    "requires": ("fromRequires", "toRequires"),
}
_EMPTY_IS_NOBODY = ("endpoints", "cidr", "cidr_set", "entities", "nodes")
_LEADING_ZERO = re.compile(r"(?:^|\.)0[0-9]|/0[0-9]")


def peers(parts: PeerParts, context: Context, place: Place, *, ports: bool) -> tuple[Peer, ...] | None:
    """Who a rule is about; None is everyone. A rule that names neither peers nor ports is about nobody."""
    given = [name for name in _FIELDS if name != "requires" and getattr(parts, name)]
    if len(given) > 1:
        first, second = (_field(name, place) for name in given[:2])
        raise Invalid((*place.pointer, second), f"{first} and {second} may not stand together")
    found = [peer for name in given for peer in _READERS[name](getattr(parts, name), context, place, ports)]
    if any(getattr(parts, name) == [] for name in _EMPTY_IS_NOBODY):
        return ()
    if not given:
        return None if ports else ()
    return tuple(peer for peer in found if peer != NOBODY)


def required(parts: PeerParts, context: Context, place: Place) -> Peer | None:
    """Pods that do not satisfy `fromRequires` or `toRequires`, which limited every rule about endpoints until 1.18."""
    if not parts.requires:
        return None
    pointer = (*place.pointer, _field("requires", place))
    context.doubt(pointer, f"has {pointer[-1]}, which Cilium 1.19 and later refuse")
    needed = tuple(endpoints(one, (*pointer, index), context) for index, one in enumerate(parts.requires))
    return AllOf((PODS, Not(AllOf(needed))))


def _field(name: str, place: Place) -> str:
    return _FIELDS[name][0 if place.ingress else 1]


# --- endpoints, nodes, entities ------------------------------------------------------------------------------------------


def _endpoints(written: list[LabelSelector], context: Context, place: Place, _: bool) -> list[Peer]:
    pointer = (*place.pointer, _field("endpoints", place))
    return [endpoints(one, (*pointer, index), context) for index, one in enumerate(written)]


def _nodes(written: list[LabelSelector], context: Context, place: Place, _: bool) -> list[Peer]:
    """Nodes other than the pod's own; into a pod its own node is let in unless it is denied."""
    pointer = (*place.pointer, _field("nodes", place))
    found = [nodes(one, (*pointer, index), context, source="node") for index, one in enumerate(written)]
    return found if _into_pods(context, place) else [Maybe(peer) for peer in found]


def _entities(written: list[str], context: Context, place: Place, _: bool) -> list[Peer]:
    pointer = (*place.pointer, _field("entities", place))
    for index, name in enumerate(written):
        if name not in _ENTITIES:
            raise Invalid((*pointer, index), f"{shown(name)} is no entity that Cilium knows")
    names = set(written)
    if "all" in names:
        return [EVERYONE]
    found: list[Peer] = []
    if names & {"cluster", "cluster-mesh"}:
        found += [PODS, HOSTS]  # the cluster's endpoints and nodes; an API server outside of it has its own entity
    elif names >= {"host", "remote-node"}:
        found.append(HOSTS)
    elif _into_pods(context, place):
        found += [HOSTS] if "remote-node" in names else []  # `host` adds nobody
    elif names & {"host", "remote-node"}:
        found.append(Maybe(HOSTS))
    if "world" in names:
        found.append(OUTSIDE)
    return [*found, reserved("kube-apiserver", context)] if "kube-apiserver" in names else found


def _into_pods(context: Context, place: Place) -> bool:
    """Whether the pod's own node is let in anyway, so that it need not be told from other nodes."""
    return place.ingress and not place.denies and not context.hosts


# --- addresses -----------------------------------------------------------------------------------------------------------


def cidr(text: str, pointer: Pointer) -> Block:
    """A block with its prefix length, without leading zeros (the schema's format `cidr`, netip.ParsePrefix)."""
    if _LEADING_ZERO.search(text):
        raise Invalid(pointer, f"{shown(text)} is not a CIDR block: no number in it may begin with 0")
    return block(text, pointer)


def _outside(found: Block, excepted: tuple[Block, ...] = ()) -> Peer:
    return AllOf((BlockPeer(found, excepted), OUTSIDE))


def _cidrs(written: list[str], _: Context, place: Place, __: bool) -> list[Peer]:
    pointer = (*place.pointer, _field("cidr", place))
    return [_outside(cidr(text, (*pointer, index))) for index, text in enumerate(written)]


def _cidr_set(written: list[CidrRule], context: Context, place: Place, _: bool) -> list[Peer]:
    pointer = (*place.pointer, _field("cidr_set", place))
    return [peer for index, one in enumerate(written) for peer in _cidr_rule(one, context, (*pointer, index))]


def _cidr_rule(one: CidrRule, context: Context, pointer: Pointer) -> list[Peer]:
    if sum(part is not None for part in (one.cidr, one.cidr_group_ref, one.cidr_group_selector)) != 1:
        raise Invalid(pointer, "there must be exactly one of cidr, cidrGroupRef and cidrGroupSelector")
    holes = tuple(cidr(text, (*pointer, "except", index)) for index, text in enumerate(one.except_ or ()))
    if one.cidr is not None:
        whole = cidr(one.cidr, (*pointer, "cidr"))
        for index, hole in enumerate(holes):
            if not (hole.version == whole.version and whole.first <= hole.first and hole.last <= whole.last):
                raise Invalid((*pointer, "except", index), f"{one.except_ and one.except_[index]} is not in {one.cidr}")
        return [_outside(whole, holes)]
    found = _group(one.cidr_group_ref or "", context, pointer) if one.cidr_group_ref is not None else None
    if found is None:
        found = _groups_by_label(one.cidr_group_selector or LabelSelector(), context, pointer)
    return [AllOf((found, *(Not(BlockPeer(hole)) for hole in holes)))] if holes else [found]


@supporting_kind("cilium.io", "CiliumCIDRGroup")
def cidr_group(item: Item) -> None:
    """Check the name and the blocks."""
    check_object(item, namespaced=False)
    written = item.spec(CidrGroup)
    if written.external_cidrs is None:
        raise Invalid(("spec",), "externalCIDRs must be given")
    _blocks(item)


def _blocks(item: Item) -> list[Peer]:
    texts = item.spec(CidrGroup).external_cidrs or []
    return [_outside(cidr(text, ("spec", "externalCIDRs", index))) for index, text in enumerate(texts)]


def _group(name: str, context: Context, pointer: Pointer) -> Peer:
    for item in context.around.items("cilium.io", "CiliumCIDRGroup"):
        if item.name == name:
            return AnyOf(tuple(_blocks(item)))
    context.doubt(
        (*pointer, "cidrGroupRef"), f"names the CiliumCIDRGroup {shown(name)}, which is not in these documents"
    )
    return Maybe(OUTSIDE)


def _groups_by_label(written: LabelSelector, context: Context, pointer: Pointer) -> Peer:
    """Addresses whose groups, taken together, have the labels."""
    groups = context.around.items("cilium.io", "CiliumCIDRGroup")
    found = conditions(written, (*pointer, "cidrGroupSelector"))
    if not found:
        context.doubt(pointer, "has an empty cidrGroupSelector, which Cilium takes for all groups or for everyone")
        return Maybe(EVERYONE)
    if not groups:
        context.doubt(pointer, "selects CiliumCIDRGroups by labels, and none are in these documents")
        return Maybe(OUTSIDE)
    parts: list[Peer] = [OUTSIDE]
    for one in found:
        positive = one if one.positive else one.turned()
        holding = [item for item in groups if _labelled(positive, item)]
        peer = AnyOf(tuple(part for item in holding for part in _blocks(item)))
        parts.append(peer if one.positive else Not(peer))
    return AllOf(tuple(parts))


def _labelled(one: Condition, item: Item) -> bool:
    return one.source in ("any", "cidrgroup") and matches((one.requirement(),), item.labels)


def _groups(_: list[Any], context: Context, place: Place, __: bool) -> list[Peer]:
    field = _field("groups", place)
    context.doubt((*place.pointer, field), f"has {field}: a cloud's security groups are not in these documents")
    return [Maybe(OUTSIDE)]


def _names(written: list[Name], _: Context, place: Place, __: bool) -> list[Peer]:
    pointer = (*place.pointer, "toFQDNs")
    if place.denies:
        raise Invalid(pointer, "rules that deny may not have toFQDNs")
    return [NamePeer(tuple(check_name(one, (*pointer, index)) for index, one in enumerate(written)))]


# --- services ------------------------------------------------------------------------------------------------------------


def _services(written: list[ToService], context: Context, place: Place, ports: bool) -> list[Peer]:
    pointer = (*place.pointer, "toServices")
    if place.denies:
        context.doubt(pointer, "denies by toServices, which Cilium does not resolve there")
        return [Maybe(EVERYONE)]
    found = [peer for index, one in enumerate(written) for peer in _service(one, context, (*pointer, index))]
    if ports and all(isinstance(peer, Maybe) for peer in found):
        # Cilium takes a rule with ports whose services it cannot find as one about everyone (mergeL4Filter)
        context.doubt(pointer, "allows everyone on its ports if the Services are not found")
        found.append(Maybe(EVERYONE))
    return found


def _service(one: ToService, context: Context, pointer: Pointer) -> list[Peer]:
    space, named = "", ""
    selector: Selector | None = None
    if one.k8s_service_selector is not None:
        if one.k8s_service_selector.selector is None:
            raise Invalid((*pointer, "k8sServiceSelector"), "selector must be given")
        space = one.k8s_service_selector.namespace or ""
        found = conditions(one.k8s_service_selector.selector, (*pointer, "k8sServiceSelector", "selector"))
        selector = tuple(condition.requirement() for condition in found)  # sources do not matter here
    elif one.k8s_service is not None:
        space, named = one.k8s_service.namespace or "", one.k8s_service.service_name or ""
    else:
        return []
    chosen = [
        item
        for item in context.around.items("", "Service")
        if space in ("", item.namespace)
        and (item.name == named if selector is None else matches(selector, item.labels))
    ]
    if chosen:
        return [peer for item in chosen for peer in _backends(item, context, pointer)]
    context.doubt(pointer, "is about a Service that is not in these documents")
    return [Maybe(PodPeer(EVERYTHING, space or None)), Maybe(OUTSIDE)]


def _backends(item: Item, context: Context, pointer: Pointer) -> list[Peer]:
    """The pods that a service selects; without a selector the addresses of its EndpointSlices, as blocks."""
    spec = item.spec(Service)
    if spec.selector:
        labels = [(key, value or "") for key, value in spec.selector.items()]
        return [labelled(labels, item.namespace, pointer, context)]
    if spec.type == "ExternalName":
        return []
    context.doubt(pointer, f"is about the Service {shown(item.name)}, whose endpoints are not in these documents")
    return [Maybe(OUTSIDE)]


_READERS: dict[str, Any] = {
    "endpoints": _endpoints,
    "cidr": _cidrs,
    "cidr_set": _cidr_set,
    "entities": _entities,
    "nodes": _nodes,
    "groups": _groups,
    "services": _services,
    "fqdns": _names,
}
