"""NetworkPolicy and GlobalNetworkPolicy of Calico, and the tiers, network sets and host endpoints that they refer to.

Sources: projectcalico/calico, api/pkg/apis/projectcalico/v3 (meaning and defaults), felix/calc/policy_sorter.go (order),
libcalico-go/lib/backend/syncersv1/updateprocessors (what a policy applies to).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from thwart.lib.intervals import parse_address
from thwart.network.documents import Item
from thwart.network.kinds import Made, Pending, Surroundings, policy_kind, supporting_kind
from thwart.network.kinds._calico_made import make_rule
from thwart.network.kinds._calico_policies import Applied, policies
from thwart.network.kinds._calico_rules import ReadRule, Scope, read_rule
from thwart.network.kinds._calico_selectors import (
    ACCOUNT,
    ALL,
    IN,
    NAMESPACE,
    OF_ACCOUNT,
    OF_NAMESPACE,
    Expression,
    Test,
    both,
    grounded,
    parse,
    prefixed,
)
from thwart.network.kinds._calico_spec import (
    CRD,
    GROUPS,
    HostEndpointSpec,
    NetworkSetSpec,
    PolicySpec,
    RuleSpec,
    TierSpec,
    check_policy_name,
    check_spec,
    check_tier,
    network,
)
from thwart.network.kinds._calico_world import CalicoWorld
from thwart.network.kinds._parts import check_name
from thwart.network.model import EGRESS, INGRESS, Pointer, Unmodelled
from thwart.network.selectors import Invalid, shown

_APIS = (f"{GROUPS[0]}/v3", f"{CRD}/v1")


class _Read(NamedTuple):
    """A policy, checked, before the world around it is known."""

    item: Item
    spec: PolicySpec
    everywhere: bool
    selected: Expression
    rules: dict[str, list[ReadRule]]
    unknown: list[str]


@policy_kind(_APIS[0], "NetworkPolicy")
@policy_kind(_APIS[1], "NetworkPolicy")
def network_policy(item: Item) -> Pending:
    """Decode and check one object of a namespace."""
    check_name(item, namespaced=True)
    return _pending(item, everywhere=False)


@policy_kind(_APIS[0], "GlobalNetworkPolicy")
@policy_kind(_APIS[1], "GlobalNetworkPolicy")
def global_network_policy(item: Item) -> Pending:
    """Decode and check one object of the cluster."""
    check_name(item, namespaced=False)
    return _pending(item, everywhere=True)


def _pending(item: Item, *, everywhere: bool) -> Pending:
    check_policy_name(item.meta.name or "")
    spec = item.spec(PolicySpec)
    check_spec(spec, everywhere=everywhere)
    namespace = "" if everywhere else item.namespace
    stored = item.api.startswith(CRD)
    read = _Read(
        item=item,
        spec=spec,
        everywhere=everywhere,
        selected=_selected(spec, namespace),
        rules={
            direction: list(_rules(getattr(spec, direction), item.unknown, Scope(namespace, direction, stored)))
            for direction in (INGRESS, EGRESS)
        },
        unknown=[_dotted(pointer[1:]) for pointer in item.unknown if len(pointer) == 2],
    )
    return lambda around: _finish(read, _world(around))


def _rules(written: list[RuleSpec] | None, unknown: list[Pointer], scope: Scope) -> Iterator[ReadRule]:
    """The rules that decide something. A rule with fields that are not read may mean less than it seems to."""
    for index, rule in enumerate(written or ()):
        here = ("spec", scope.direction, index)
        read = read_rule(rule, index, scope, tuple(_dotted(at[3:]) for at in unknown if at[:3] == here))
        if read is not None:
            yield read


def _dotted(pointer: Pointer) -> str:
    return shown(".".join(map(str, pointer)))[1:-1]


def _selected(spec: PolicySpec, namespace: str) -> Expression:
    """The endpoints that a policy applies to (networkpolicyprocessor.go, globalnetworkpolicyprocessor.go)."""
    parts: list[Expression] = []
    if spec.selector:
        parts.append(parse(spec.selector, ("spec", "selector")))
    if namespace:
        parts.append(Test(NAMESPACE, IN, (namespace,)))
    if spec.namespace_selector:
        written = parse(spec.namespace_selector, ("spec", "namespaceSelector"))
        parts = [grounded(part, NAMESPACE) for part in (*parts, prefixed(written, OF_NAMESPACE))]
    if spec.service_account_selector:
        written = parse(spec.service_account_selector, ("spec", "serviceAccountSelector"))
        parts.append(prefixed(written, OF_ACCOUNT))
        if not namespace:
            parts = [grounded(part, ACCOUNT) for part in parts]
    return both(parts) if parts else ALL


def _finish(read: _Read, world: CalicoWorld) -> Made:
    place = world.places.get(read.spec.tier or "default")
    if place is None:
        return (_unmodelled(read, f"in the tier {shown(str(read.spec.tier))}, which is not in these documents"),)
    if read.unknown:
        return (_unmodelled(read, f"with {', '.join(read.unknown)}"),)
    directions = _directions(read)
    applied = Applied(
        item=read.item,
        spec=read.spec,
        everywhere=read.everywhere,
        selected=read.selected,
        place=place,
        directions=directions,
        rules={
            direction: [made for rule in read.rules[direction] for made in make_rule(rule, world)]
            for direction in sorted(directions)
        },
    )
    return tuple(policies(applied, world))


def _directions(read: _Read) -> frozenset[str]:
    """What a policy is about where it does not say: the directions that it has rules for, and ingress if none.

    Objects in their stored form had this filled in when they were stored; without it they are about both.
    """
    types = read.spec.types
    if types:
        return frozenset(name.lower() for name in types)
    if read.item.api.startswith(CRD):
        return frozenset({INGRESS, EGRESS})
    if not read.spec.egress:
        return frozenset({INGRESS})
    return frozenset({INGRESS, EGRESS} if read.spec.ingress else {EGRESS})


def _unmodelled(read: _Read, why: str) -> Unmodelled:
    return Unmodelled(
        kind=f"{read.item.kind} ({read.item.api}, {why})",
        name=read.item.name,
        namespace=None if read.everywhere else read.item.namespace,
        origin=read.item.origin,
    )


def _world(around: Surroundings) -> CalicoWorld:
    """The surroundings as Calico sees them, made once for all policies of a world."""
    found = around.cache.get(__name__)
    if not isinstance(found, CalicoWorld):
        found = around.cache[__name__] = CalicoWorld(around)
    return found


# --- what policies refer to -------------------------------------------------------------------------------------------


def tier(item: Item) -> None:
    """Check a tier."""
    check_tier(item.name, item.spec(TierSpec))


def network_set(item: Item) -> None:
    """Check a network set."""
    check_name(item, namespaced=item.kind == "NetworkSet")
    for index, text in enumerate(item.spec(NetworkSetSpec).nets or ()):
        network(text, ("spec", "nets", index))
    if NAMESPACE in item.labels:
        raise Invalid(("metadata", "labels", NAMESPACE), f"{NAMESPACE} is not for labels of network sets")


def host_endpoint(item: Item) -> Unmodelled | None:
    """Check a host endpoint. Without a profile that allows, its host denies what no policy allows."""
    spec = item.spec(HostEndpointSpec)
    if not spec.node:
        raise Invalid(("spec", "node"), "node must be given")
    if not spec.interface_name and not spec.expected_ips:
        raise Invalid(("spec",), "interfaceName or expectedIPs must be given")
    for index, text in enumerate(spec.expected_ips or ()):
        try:
            parse_address(text)
        except ValueError as error:
            raise Invalid(("spec", "expectedIPs", index), str(error)) from None
    if "projectcalico-default-allow" in (spec.profiles or ()):
        return None
    return Unmodelled(kind=item.kind, name=item.name, namespace=None, origin=item.origin, only_hosts=True)


for _group in GROUPS:
    supporting_kind(_group, "Tier")(tier)
    supporting_kind(_group, "NetworkSet")(network_set)
    supporting_kind(_group, "GlobalNetworkSet")(network_set)
    supporting_kind(_group, "HostEndpoint")(host_endpoint)
