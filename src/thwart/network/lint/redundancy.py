"""Rules that could go without any answer changing, and policies that say what others say."""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.network.lint import Finding, Place, check
from thwart.network.lint._look import Look, name_of, some
from thwart.network.lint._removal import Flow, Verdict
from thwart.network.model import DENY, INGRESS


@check("redundant-rule", Severity.LOW)
def redundant_rule(look: Look) -> Iterator[Finding]:
    """Everything that a rule does is done by other rules: without it no answer would change.

    Decided exactly, for the pods that were read: the sides of the classes that the rule touches are worked out again
    without it. All rules that are found can go together; of two that say the same, the later one is named. A rule that
    cannot go because of the other end's policies is `one-sided-rule`, one that is never reached is `shadowed-rule`.
    """
    for verdict in look.verdicts:
        if verdict.redundant and not verdict.shadowed and verdict.number not in look.duplicates:
            covers = _covers(look, verdict)
            by = (
                f"{_rules(covers)} {'does' if len(covers) == 1 else 'do'} all that it does"
                if covers
                else _idle(verdict)
            )
            yield Finding(
                check="redundant-rule",
                severity=Severity.LOW,
                sentence=f"{_rule(verdict)} changes no answer: {by}",
                fix="take the rule out",
                place=look.place(verdict.policy, verdict.rule.pointer),
                others=tuple(covers),
            )


@check("shadowed-rule", Severity.HIGH)
def shadowed_rule(look: Look) -> Iterator[Finding]:
    """Rules that are tried earlier take every flow that a rule of an ordered tier is about: it is never reached.

    Of Admin and Baseline tiers (ClusterNetworkPolicy, AdminNetworkPolicy) and of Calico's tiers the first rule that
    matches decides. A Deny that an earlier Accept shadows protects nothing, which is why that is `high`; the rest is
    `medium`.
    """
    for verdict in look.verdicts:
        if not verdict.shadowed or verdict.number in look.duplicates:
            continue
        covers = _covers(look, verdict)
        rules = [look.removal.written[key][2] for key in verdict.covers]
        other = any(rule.action != verdict.rule.action for rule in rules)
        lost = verdict.rule.action == DENY and other
        yield Finding(
            check="shadowed-rule",
            severity=Severity.HIGH if lost else Severity.MEDIUM,
            sentence=f"{_rule(verdict)} ({verdict.rule.action}) is never reached: {_rules(covers)} "
            f"{'is' if len(covers) == 1 else 'are'} tried first" + (", and with another outcome" if other else ""),
            fix="put it before them, or give its policy a lower priority number" if other else "take the rule out",
            place=look.place(verdict.policy, verdict.rule.pointer),
            others=tuple(covers),
        )


@check("one-sided-rule", Severity.MEDIUM)
def one_sided_rule(look: Look) -> Iterator[Finding]:
    """A rule allows flows, and the policies of the other end stop every one of them.

    A connection needs the egress of its source and the ingress of its destination (kubernetes.io, "network policies").
    Reported only when all that the rule allows is stopped, or is allowed by other rules anyway.
    """
    for verdict in look.verdicts:
        if verdict.one_sided and verdict.elsewhere is not None and verdict.number not in look.duplicates:
            here, there = ("ingress", "egress") if verdict.direction == INGRESS else ("egress", "ingress")
            end = "source" if verdict.direction == INGRESS else "destination"
            yield Finding(
                check="one-sided-rule",
                severity=Severity.MEDIUM,
                sentence=f"{_rule(verdict)} allows {here} that the {there} of every {end} forbids",
                fix=f"allow it in the {there} of the {end}s too, or take the rule out",
                place=look.place(verdict.policy, verdict.rule.pointer),
                others=_stoppers(look, verdict),
                example=_flow(look, verdict.elsewhere),
            )


@check("duplicate-policy", Severity.LOW)
def duplicate_policy(look: Look) -> Iterator[Finding]:
    """Two policies of one kind and namespace select the same and say the same: an edit of one alone will surprise."""
    for number, earlier in look.duplicates.items():
        policy, first = look.policies[number], look.policies[earlier]
        if policy.origin is first.origin:
            continue
        yield Finding(
            check="duplicate-policy",
            severity=Severity.LOW,
            sentence=f"it says the same as {name_of(first)}",
            fix="delete one of them",
            place=look.place(policy),
            others=(look.place(first),),
        )


def _rule(verdict: Verdict) -> str:
    return f"{verdict.direction} rule {verdict.rule.index + 1}"


def _covers(look: Look, verdict: Verdict) -> list[Place]:
    found = []
    for key in verdict.covers:
        _, policy, rule = look.removal.written[key]
        place = look.place(policy, rule.pointer)
        found.append(Place(f"{key.direction} rule {rule.index + 1} of {place.what}", place.path, place.line))
    return found


def _rules(places: list[Place]) -> str:
    return some(place.what for place in places)


def _idle(verdict: Verdict) -> str:
    if verdict.policy.isolates:
        return "what it is about is decided before, or allowed anyway"
    return "nothing isolates the pods that it is about, so that all is allowed anyway"


def _stoppers(look: Look, verdict: Verdict) -> tuple[Place, ...]:
    """The policies that stop the example at its other end."""
    flow = verdict.elsewhere
    if flow is None:
        return ()
    own, direction = (flow.source, "egress") if verdict.direction == INGRESS else (flow.destination, "ingress")
    plane = look.model.planes[4]
    numbers = [n for n in plane.selecting(own) if direction in look.policies[n].isolates]
    return tuple(look.place(look.policies[number]) for number in numbers[:3])


def _flow(look: Look, flow: Flow) -> str:
    source, destination = look.class_names(flow.source)[0], look.class_names(flow.destination)[0]
    return f"{source} -> {destination}, {look.port(flow.port)}"
