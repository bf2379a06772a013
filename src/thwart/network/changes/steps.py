"""What could be tried next: from an answer and its reasons to edits that touch them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from thwart.lib.intervals import WIDTHS, Address, Block
from thwart.network.changes.edits import (
    ADD_POLICY,
    ADD_RULE,
    INSERT_RULE,
    LIFT,
    NOWHERE,
    REMOVE_RULE,
    Edit,
    edited,
)
from thwart.network.changes.small import End, Small
from thwart.network.changes.snippets import can_add, can_remove, knows_both
from thwart.network.model import (
    ADMIN,
    ALLOW,
    DENY,
    EGRESS,
    INGRESS,
    NAME_LABEL,
    NETWORK,
    NOT_INJECTED,
    ON_THE_NET,
    PLAIN,
    Answer,
    BlockPeer,
    Endpoint,
    Peer,
    PodPeer,
    Policy,
    PortMatch,
    Priority,
    Reason,
    Rule,
    World,
)
from thwart.network.selectors import Requirement, Selector

Step = frozenset[Edit]  # edits of which none helps without the others
VOLATILE = frozenset(
    {
        "pod-template-hash",
        NOT_INJECTED,
        "controller-revision-hash",
        "pod-template-generation",
        "controller-uid",
        "job-name",
        "batch.kubernetes.io/controller-uid",
        "batch.kubernetes.io/job-name",
        "batch.kubernetes.io/job-completion-index",
        "statefulset.kubernetes.io/pod-name",
        "apps.kubernetes.io/pod-index",
    }
)  # labels that controllers set and that differ between replicas or between versions


def is_additive(policy: Policy) -> bool:
    """Whether the policy's rules only add up, as NetworkPolicy's do."""
    return policy.tier == NETWORK and policy.priority == PLAIN and all(
        rule.action == ALLOW for rule in (*policy.ingress, *policy.egress)
    )  # fmt: skip


def stable(labels: dict[str, str]) -> dict[str, str]:
    """The labels that a person gave."""
    return {key: value for key, value in labels.items() if key not in VOLATILE}


def exactly(endpoint: Endpoint) -> Selector:
    """Pods with all the labels of an endpoint."""
    return tuple(sorted(Requirement(key, "In", (value,)) for key, value in stable(endpoint.labels).items()))


class Steps:
    """The edits that could turn one flow's answer."""

    def __init__(self, small: Small) -> None:
        self._small = small
        self._port = (PortMatch(small.protocol, small.port, small.port),)

    def toward(self, wanted: bool, answer: Answer, edits: frozenset[Edit], direction: str) -> Iterator[Step]:
        """Steps in one direction from a state: the edits made so far, and the answer that they lead to."""
        world = edited(self._small.world, edits)
        reasons = [reason for reason in answer.because if reason.direction == direction]
        yield from self._at_rules(world, direction, reasons, wanted, edits)
        yield from self._new(direction, wanted, edits)

    def _own(self, direction: str) -> End:
        return self._small.destination if direction == INGRESS else self._small.source

    def _other(self, direction: str) -> End:
        return self._small.source if direction == INGRESS else self._small.destination

    def _at_rules(
        self, world: World, direction: str, reasons: list[Reason], wanted: bool, edits: frozenset[Edit]
    ) -> Iterator[Step]:
        together: set[Edit] = set()  # edits that only help with each other
        for number, reason in _blamed(world, direction, reasons, len(self._small.world.policies)):
            policy = world.policies[number]
            first = next(n for n, p in enumerate(world.policies) if p.origin is policy.origin)
            if reason.effect == "isolates":
                together.add(Edit(LIFT, direction if policy.kind == "NetworkPolicy" else "", first))
                yield from self._opened(policy, number, direction)
                continue
            if any(e.policy == number and e.direction == direction and e.action == INSERT_RULE for e in edits):
                continue  # the places of its rules are no longer those of the given world
            rule = next(rule for rule in policy.rules(direction) if rule.index == reason.rule)
            removal = Edit(REMOVE_RULE, direction, first, rule.index, rule.pointer)
            if not can_remove(rule, policy, world):
                if reason.effect == "allows" and is_additive(policy):
                    return  # the others alone do not help
                continue
            if reason.effect == "allows" and is_additive(policy):
                together.add(removal)
            else:
                yield frozenset({removal})
                yield from self._before(policy, number, direction, rule.index, wanted)
        if together:
            yield frozenset(together)

    def _opened(self, policy: Policy, number: int, direction: str) -> Iterator[Step]:
        """The policy lets this flow through by one more rule."""
        rule = self._rule(direction, ALLOW, policy.namespace)
        if rule is not None and can_add(rule, policy, self._small.world, self._is_outside(direction)):
            yield frozenset({Edit(ADD_RULE, direction, number, made=rule)})

    def _before(self, policy: Policy, number: int, direction: str, place: int, wanted: bool) -> Iterator[Step]:
        """A rule of the other action before the one that decides; only where policies know both."""
        rule = self._rule(direction, ALLOW if wanted else DENY, policy.namespace)
        if rule is not None and knows_both(policy, self._small.world):
            yield frozenset({Edit(INSERT_RULE, direction, number, place, made=rule)})

    def _new(self, direction: str, wanted: bool, edits: frozenset[Edit]) -> Iterator[Step]:
        own = self._small.pod(self._own(direction))
        if own is None or any(e.action == ADD_POLICY and e.direction == direction for e in edits):
            return  # policies select pods only; and a second new policy adds nothing to the first
        if wanted:
            rule = self._rule(direction, ALLOW, own.namespace)
            if rule is not None:
                yield frozenset({Edit(ADD_POLICY, direction, made=_network_policy(own, direction, (rule,)))})
            return
        yield frozenset({Edit(ADD_POLICY, direction, made=_network_policy(own, direction, ()))})
        rule = self._rule(direction, DENY, "")
        if rule is not None:
            yield frozenset({Edit(ADD_POLICY, direction, made=self._admin(own, direction, rule))})

    def _rule(self, direction: str, action: str, namespace: str) -> Rule | None:
        """A rule about this peer and this port, and nothing else that can be told apart; None where none can be written."""
        peer = self._peer(direction, namespace)
        if peer is None:
            return None
        return Rule(index=0, action=action, peers=(peer,), ports=self._port, pointer=("spec", direction))

    def _peer(self, direction: str, namespace: str) -> Peer | None:
        end = self._other(direction)
        pod = self._small.pod(end)
        if pod is not None:
            if pod.namespace == namespace:
                return PodPeer(exactly(pod), namespace)
            return PodPeer(exactly(pod), None, (Requirement(NAME_LABEL, "In", (pod.namespace,)),))
        if not namespace and direction == INGRESS:
            return None  # policies of the cluster know only pods as sources
        address = end.party.address or next(iter(self._addresses(end)), None)
        return BlockPeer(_single(address)) if address is not None else None

    def _is_outside(self, direction: str) -> bool:
        """Whether the other end is neither a pod nor a node."""
        end = self._other(direction)
        return end.place < 0 and not end.node

    def _addresses(self, end: End) -> Iterable[Address]:
        endpoint = self._small.endpoint(end)
        yield from endpoint.addresses if endpoint else ()
        for node in self._small.world.nodes:
            if node.name == end.node:
                yield from node.addresses

    def _admin(self, own: Endpoint, direction: str, rule: Rule) -> Policy:
        """A ClusterNetworkPolicy before all others of the Admin tier, as far as there is room."""
        before = [policy.priority.order for policy in self._small.world.policies if policy.tier == ADMIN]
        order = max(0.0, min([*before, 11.0]) - 1)
        subject = PodPeer(exactly(own), None, (Requirement(NAME_LABEL, "In", (own.namespace,)),))
        rules = (rule,)
        return Policy(
            kind="ClusterNetworkPolicy",
            name=f"deny-{direction}-{_word(own)}",
            namespace="",
            tier=ADMIN,
            priority=Priority(order),
            subject=subject,
            origin=NOWHERE,
            ingress=rules if direction == INGRESS else (),
            egress=rules if direction == EGRESS else (),
        )


def _blamed(world: World, direction: str, reasons: list[Reason], count: int) -> Iterator[tuple[int, Reason]]:
    """Those of the first policies that reasons speak of."""
    for number, policy in enumerate(world.policies[:count]):
        for reason in reasons:
            same = (reason.kind, reason.namespace, reason.policy) == (policy.kind, policy.namespace, policy.name)
            if not same or reason.path != policy.origin.path:
                continue
            if reason.effect == "isolates":
                if direction in policy.isolates:
                    yield number, reason
            elif any(rule.index == reason.rule for rule in policy.rules(direction)):
                yield number, reason


def _network_policy(own: Endpoint, direction: str, rules: tuple[Rule, ...]) -> Policy:
    return Policy(
        kind="NetworkPolicy",
        name=f"{'allow' if rules else 'deny'}-{direction}-{_word(own)}",
        namespace=own.namespace,
        tier=NETWORK,
        subject=PodPeer(exactly(own), own.namespace),
        origin=NOWHERE,
        layer=ON_THE_NET,
        isolates=frozenset({direction}),
        ingress=rules if direction == INGRESS else (),
        egress=rules if direction == EGRESS else (),
    )


def _word(own: Endpoint) -> str:
    return (own.workload.partition("/")[2] or own.name)[:200]


def _single(address: Address) -> Block:
    assert 0 <= address.value < 1 << WIDTHS[address.version]
    return Block(address.version, address.value, address.value)
