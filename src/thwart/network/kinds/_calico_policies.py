"""Calico policies put together from their rules: order, ends of tiers, and what rules ask of the protected end.

Sources: projectcalico/calico, felix/calc/policy_sorter.go and the documentation's "Get started with policy tiers".
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from thwart.network.documents import Item
from thwart.network.kinds._calico_made import Made
from thwart.network.kinds._calico_selectors import Expression, holds
from thwart.network.kinds._calico_spec import PolicySpec
from thwart.network.kinds._calico_world import LAST, PODS, CalicoWorld, Place
from thwart.network.model import (
    ALLOW,
    DENY,
    EGRESS,
    INGRESS,
    NETWORK,
    PLAIN,
    AllOf,
    AnyOf,
    Doubt,
    Not,
    Peer,
    Policy,
    Priority,
    Rule,
    Tier,
)

# as `kubectl get caliconetworkpolicy` calls them, so that they are not taken for Kubernetes' own
_KINDS = {"NetworkPolicy": "CalicoNetworkPolicy"}
_FIRST = Tier(-math.inf, "host-endpoints")  # before any tier of pods: a host's own policies are enforced elsewhere
_TIED = "whether it comes before NetworkPolicy hangs on their names, and differs between releases of Calico"


class Applied(Struct, frozen=True, kw_only=True):
    """A policy whose place and rules are known."""

    item: Item
    spec: PolicySpec
    everywhere: bool
    selected: Expression
    place: Place
    directions: frozenset[str]
    rules: dict[str, list[Made]]

    def policy(self, subject: Peer, priority: Priority) -> Policy:
        """A policy of this name, without rules."""
        return Policy(
            kind=_KINDS.get(self.item.kind, self.item.kind),
            name=self.item.name,
            namespace="" if self.everywhere else self.item.namespace,
            tier=self.place.tier,
            subject=subject,
            origin=self.item.origin,
            priority=priority,
        )


def policies(applied: Applied, world: CalicoWorld) -> Iterator[Policy]:
    """The policies that one object makes: for pods, in parts where rules ask something of the pod; and for hosts."""
    spec = applied.spec
    if not (spec.do_not_track or spec.pre_dnat):  # those are for host endpoints only
        made = list(_for_pods(applied, world))
        if applied.place.tier == NETWORK and _order(spec) == PLAIN.order:
            yield from _before_network_policy(made)
        yield from made
    if applied.everywhere:
        yield from _for_hosts(applied, world)


def _order(spec: PolicySpec) -> float:
    return LAST if spec.order is None else spec.order


def _priority(applied: Applied, part: int) -> Priority:
    """Lower orders first, then the name, the namespace and the kind (policy_sorter.go, PolKVLess)."""
    name = applied.item.name.removeprefix(f"{applied.place.tier.name}.")
    namespace = "" if applied.everywhere else applied.item.namespace
    tie = f"{name}/{namespace}/{applied.item.kind}" + (f"#{part:06}" if part else "")
    return Priority(_order(applied.spec), tie)


def _for_pods(applied: Applied, world: CalicoWorld) -> Iterator[Policy]:
    """The rules in order; each run of rules that ask the same of the pod is a policy of the pods for which they count."""
    subject = world.pods(applied.selected)
    runs = {direction: list(_runs(made)) for direction, made in applied.rules.items()}
    first: dict[str, tuple[Rule, ...]] = {}
    for direction, found in runs.items():
        if found and found[0][0] is None:
            first[direction] = found.pop(0)[1]
    yield replace(
        applied.policy(subject, _priority(applied, 0)),
        isolates=applied.directions if applied.place.denies else frozenset(),
        ingress=first.get(INGRESS, ()),
        egress=first.get(EGRESS, ()),
        doubts=tuple(_doubts(applied)),
    )
    part = 0
    for direction, found in runs.items():
        for own, rules in found:
            part += 1
            narrower = subject if own is None else AllOf((subject, own))
            policy = applied.policy(narrower, _priority(applied, part))
            yield replace(policy, ingress=rules) if direction == INGRESS else replace(policy, egress=rules)


def _runs(made: Iterable[Made]) -> Iterator[tuple[Peer | None, tuple[Rule, ...]]]:
    own: Peer | None = None
    rules: list[Rule] = []
    for one in made:
        if one.own != own and rules:
            yield own, tuple(rules)
            rules = []
        own = one.own
        rules.append(one.rule)
    if rules:
        yield own, tuple(rules)


def _doubts(applied: Applied) -> Iterator[Doubt]:
    for direction, made in applied.rules.items():
        for rule in {one.rule.index: one.rule for one in made if one.rule.doubt}.values():
            yield Doubt(rule.pointer, f"has an {direction} rule that is not modelled in full: {rule.doubt}")


def _before_network_policy(made: list[Policy]) -> Iterator[Policy]:
    """What a policy of NetworkPolicy's own order may decide before it: it may deny what NetworkPolicy would allow.

    Allowing is as good before as after; only what an earlier rule may deny is left to the policy itself.
    """
    seen: dict[str, list[Peer]] = {INGRESS: [], EGRESS: []}
    denied = any(rule.action != ALLOW for policy in made for rule in (*policy.ingress, *policy.egress))
    for policy in made if denied else ():
        yield replace(
            policy,
            priority=Priority(math.nextafter(PLAIN.order, 0), policy.priority.tie),
            isolates=frozenset(),
            ingress=tuple(_tied(policy.ingress, seen[INGRESS])),
            egress=tuple(_tied(policy.egress, seen[EGRESS])),
            doubts=(),
        )


def _tied(rules: tuple[Rule, ...], seen: list[Peer]) -> Iterator[Rule]:
    everyone = AllOf(())
    for rule in rules:
        peers = (everyone,) if rule.peers is None else rule.peers
        if rule.action != ALLOW:
            seen.extend(peers)
            yield replace(rule, doubt="; ".join(filter(None, (rule.doubt, _TIED))))
        elif everyone not in seen:
            yield replace(rule, peers=(AllOf((AnyOf(peers), Not(AnyOf(tuple(seen))))),)) if seen else rule


def _for_hosts(applied: Applied, world: CalicoWorld) -> Iterator[Policy]:
    """Host endpoints that it applies to: what it denies their hosts is not modelled, and left open."""
    spec = applied.spec
    hosts = [host for host in world.hosts if holds(applied.selected, host.labels, complete=host.complete) is not False]
    if not hosts:
        return
    forwards = spec.apply_on_forward or spec.pre_dnat or spec.do_not_track
    subject = AnyOf((*(host.node for host in hosts), *((PODS,) if forwards else ())))
    names = ", ".join(sorted(host.name for host in hosts)[:5])
    why = f"applies to host endpoints ({names}), and what it does there is not modelled"
    rule = Rule(index=-1, action=DENY, peers=None, ports=None, pointer=("spec",), doubt=f"it {why}")
    directions = {INGRESS} if spec.pre_dnat else applied.directions
    yield replace(
        applied.policy(subject, Priority()),
        tier=_FIRST,
        ingress=(rule,) if INGRESS in directions else (),
        egress=(rule,) if EGRESS in directions else (),
        doubts=(Doubt(("spec",), why),),
    )
