"""Atomic edits: what they are, and worlds with some of them made."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from thwart.network.model import Endpoint, Namespace, Origin, Pointer, Policy, Rule, World

ADD_RULE = "add-rule"  # at the end of a policy whose rules add up
INSERT_RULE = "insert-rule"  # before a rule of a policy whose rules are tried in order
REMOVE_RULE = "remove-rule"
LIFT = "lift-isolation"  # take a direction out of a NetworkPolicy; other kinds are deleted
OPEN = "open"  # take a direction out of any policy, to look at the other one alone: never proposed
ADD_POLICY = "add-policy"
SET_LABEL = "set-label"
DROP_LABEL = "drop-label"


class Edit(Struct, frozen=True):
    """One edit of a world.

    `policy` is the number of a policy of that world; where one object made several, what is taken out is taken out of all,
    and the number is the first one's. `rule` is the index of a rule and `pointer` where it stands. `made` is the rule or
    the policy that is added. Labels are those of an endpoint (`end` is its place in the world's endpoints) or of the
    namespace called `namespace`; `value` None stands for dropping the label.
    """

    action: str
    direction: str = ""
    policy: int = -1
    rule: int = -1
    pointer: Pointer = ()
    made: Rule | Policy | None = None
    end: int = -1
    namespace: str = ""
    key: str = ""
    value: str | None = None


class Nowhere:
    """The origin of what is only proposed."""

    def __init__(self) -> None:
        self.path = ""

    def line(self, pointer: Pointer) -> int:  # noqa: ARG002 - the protocol has it
        """Always unknown."""
        return 0


NOWHERE: Origin = Nowhere()


def edited(world: World, edits: Iterable[Edit]) -> World:
    """The world with the edits made; their order does not matter, as all places are those of the given world."""
    chosen = list(edits)
    policies = [_policy(policy, _about(world, number, chosen)) for number, policy in enumerate(world.policies)]
    policies += [edit.made for edit in chosen if edit.action == ADD_POLICY and isinstance(edit.made, Policy)]
    endpoints, namespaces = list(world.endpoints), dict(world.namespaces)
    for edit in chosen:
        if edit.end >= 0:
            endpoints[edit.end] = _endpoint(endpoints[edit.end], edit)
        elif edit.namespace:
            namespaces[edit.namespace] = _namespace(namespaces[edit.namespace], edit)
    return replace(world, policies=tuple(policies), endpoints=tuple(endpoints), namespaces=namespaces)


def _about(world: World, number: int, edits: list[Edit]) -> list[Edit]:
    """The edits that change a policy."""
    origin = world.policies[number].origin
    return [
        edit
        for edit in edits
        if edit.policy == number
        or (edit.policy >= 0 and edit.action in (LIFT, REMOVE_RULE) and world.policies[edit.policy].origin is origin)
    ]


def _policy(policy: Policy, edits: list[Edit]) -> Policy:
    if policy.kind != "NetworkPolicy" and any(edit.action == LIFT for edit in edits):
        return replace(policy, isolates=frozenset(), ingress=(), egress=())
    for direction in sorted({edit.direction for edit in edits}):
        here = [edit for edit in edits if edit.direction == direction]
        rules = _rules(policy.rules(direction), here)
        isolates = policy.isolates
        if any(edit.action in (LIFT, OPEN) for edit in here):
            isolates, rules = isolates - {direction}, ()
        policy = (
            replace(policy, isolates=isolates, ingress=rules)
            if direction == "ingress"
            else replace(policy, isolates=isolates, egress=rules)
        )
    return policy


def _rules(rules: tuple[Rule, ...], edits: list[Edit]) -> tuple[Rule, ...]:
    gone = {edit.pointer for edit in edits if edit.action == REMOVE_RULE}
    found = [rule for rule in rules if rule.pointer not in gone]
    for edit in edits:
        if isinstance(edit.made, Rule) and edit.action == INSERT_RULE:
            found = [replace(rule, index=rule.index + (rule.index >= edit.rule)) for rule in found]
            found.append(replace(edit.made, index=edit.rule))
        elif isinstance(edit.made, Rule) and edit.action == ADD_RULE:
            found.append(replace(edit.made, index=max((rule.index for rule in rules), default=-1) + 1))
    return tuple(sorted(found, key=lambda rule: rule.index))


def _labels(labels: dict[str, str], edit: Edit) -> dict[str, str]:
    changed = {key: value for key, value in labels.items() if key != edit.key}
    if edit.value is not None:
        changed[edit.key] = edit.value
    return changed


def _endpoint(endpoint: Endpoint, edit: Edit) -> Endpoint:
    return replace(endpoint, labels=_labels(endpoint.labels, edit))


def _namespace(namespace: Namespace, edit: Edit) -> Namespace:
    return replace(namespace, labels=_labels(namespace.labels, edit))
