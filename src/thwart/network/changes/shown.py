"""Edits for people: a sentence, a place, and the lines to write."""

from __future__ import annotations

from msgspec import Struct

from thwart.network.changes.edits import (
    ADD_POLICY,
    ADD_RULE,
    DROP_LABEL,
    INSERT_RULE,
    LIFT,
    REMOVE_RULE,
    SET_LABEL,
    Edit,
)
from thwart.network.changes.small import Small
from thwart.network.changes.snippets import kept_text, policy_text, rule_text, text
from thwart.network.model import ADMIN, ALLOW, PodPeer, Pointer, Policy, Rule, World

_RANKS = {ADD_RULE: 0, ADD_POLICY: 1, INSERT_RULE: 3, REMOVE_RULE: 2, SET_LABEL: 4, DROP_LABEL: 5, LIFT: 6}
Order = tuple[int, str, str, int, int, str, str]


class Shown(Struct, frozen=True, kw_only=True):
    """One edit of one object.

    `action` is `add-rule`, `insert-rule`, `remove-rule`, `lift-isolation`, `add-policy`, `set-label` or `drop-label`.
    `pointer` is where it takes place in the object: the rule that is taken out or put before, the rules that one is added
    to. `rule` is the number of the rule, from 0; -1 for none. `value` is the label's.
    `snippet` is YAML to add, empty where there is none.
    """

    action: str
    direction: str
    sentence: str
    kind: str
    namespace: str
    name: str
    pointer: Pointer = ()
    rule: int = -1
    key: str = ""
    value: str | None = None
    path: str = ""
    line: int = 0
    snippet: str = ""


def order(edit: Edit, world: World) -> Order:
    """What to show first: what changes least besides the flow that was asked for."""
    rank = _RANKS[edit.action]
    made = edit.made
    if edit.action == ADD_RULE and _selects_all(world.policies[edit.policy]):
        rank = 1  # the rule would stand in a policy that is about every pod
    if edit.action == ADD_POLICY and isinstance(made, Policy):
        rank = 3 if made.tier == ADMIN else 0 if made.ingress or made.egress else 1
    name = made.name if isinstance(made, Policy) else ""
    return rank, edit.direction, name, edit.policy, edit.rule, edit.key, edit.value or ""


def _selects_all(policy: Policy) -> bool:
    return not (isinstance(policy.subject, PodPeer) and policy.subject.pods)


def show(edit: Edit, small: Small) -> Shown:
    """An edit in words."""
    world = small.world
    if edit.policy >= 0:
        return _of_policy(edit, world.policies[edit.policy])
    if isinstance(edit.made, Policy):
        return _new(edit, edit.made)
    return _label(edit, world)


def _of_policy(edit: Edit, policy: Policy) -> Shown:
    name = f"{policy.kind} {policy.namespace}/{policy.name}" if policy.namespace else f"{policy.kind} {policy.name}"
    rules = policy.rules(edit.direction)
    pointer: Pointer = (*(rules[0].pointer[:-2] if rules else ("spec",)), edit.direction)
    snippet = ""
    if isinstance(edit.made, Rule):
        snippet = rule_text(edit.made, policy.kind, edit.direction)
    if edit.action == ADD_RULE:
        sentence = f"add this rule to {name}"
    elif edit.action == INSERT_RULE:
        verb = "allows" if isinstance(edit.made, Rule) and edit.made.action == ALLOW else "denies"
        sentence = f"put a rule that {verb} this before rule {edit.rule + 1} of {name}"
        pointer = next(rule.pointer for rule in rules if rule.index == edit.rule)
    elif edit.action == REMOVE_RULE:
        sentence = f"take rule {edit.rule + 1} out of {name}, or make it narrower, so that it is not about this"
        snippet = kept_text(policy, edit.direction)
        if snippet:
            sentence += "; and write out what it isolates, as that goes by its rules otherwise"
        pointer = edit.pointer
    else:
        alone = policy.kind != "NetworkPolicy" or policy.isolates == {edit.direction}
        word = edit.direction.capitalize()
        sentence = f"delete {name}" if alone else f"take {word} out of the policyTypes of {name}"
        pointer = ("spec",) if alone else ("spec", "policyTypes")
    return Shown(
        action=edit.action,
        direction=edit.direction,
        sentence=sentence,
        kind=policy.kind,
        namespace=policy.namespace,
        name=policy.name,
        pointer=pointer,
        rule=edit.rule,
        path=policy.origin.path,
        line=policy.line(pointer),
        snippet=snippet,
    )


def _new(edit: Edit, policy: Policy) -> Shown:
    subject = policy.subject
    everyone = "" if isinstance(subject, PodPeer) and subject.pods else " (the pod has no label: it selects all there)"
    if policy.tier == ADMIN:
        sentence = f"add a {policy.kind} that denies this before all else"
    elif policy.rules(edit.direction):
        sentence = f"add a {policy.kind} that allows this"
    else:
        sentence = f"add a {policy.kind} that isolates the pod: what else it needs must then be allowed too"
    return Shown(
        action=edit.action,
        direction=edit.direction,
        sentence=sentence + everyone,
        kind=policy.kind,
        namespace=policy.namespace,
        name=policy.name,
        snippet=policy_text(policy),
    )


def _label(edit: Edit, world: World) -> Shown:
    if edit.namespace:
        kind, namespace, name, whose = "Namespace", "", edit.namespace, f"Namespace {edit.namespace}"
        before = world.namespaces[edit.namespace].labels.get(edit.key)
    else:
        endpoint = world.endpoints[edit.end]
        kind, _, name = endpoint.workload.partition("/")
        before = endpoint.labels.get(edit.key)
        namespace, whose = (
            endpoint.namespace,
            f"{'' if kind == 'Pod' else 'the pods of '}{kind} {endpoint.namespace}/{name}",
        )
    if edit.value is None:
        sentence = f"drop the label {edit.key}={before} from {whose}"
    elif before is None:
        sentence = f"set the label {edit.key}={edit.value} on {whose}"
    else:
        sentence = f"change the label {edit.key} of {whose} from {before} to {edit.value}"
    return Shown(
        action=edit.action,
        direction="",
        sentence=sentence,
        kind=kind,
        namespace=namespace,
        name=name,
        key=edit.key,
        value=edit.value,
        snippet="" if edit.value is None else text({"metadata": {"labels": {edit.key: edit.value}}}),
    )
