"""What would make an unknown answer known."""

from __future__ import annotations

from thwart.network.model import Answer, NamePeer, NodePeer, Policy, Reason, Rule, World, leaves


def missing(answer: Answer, world: World) -> tuple[str, ...]:
    """One sentence for each thing that the documents do not tell, in the order of the reasons."""
    found: dict[str, None] = {}
    for reason in answer.because:
        if reason.effect == "unknown":
            rivals = {r.policy for r in answer.because if r.effect == "unknown" and r.policy not in ("", reason.policy)}
            found[_sentence(reason, world, sorted(rivals))] = None
    if not found:
        found["what the answer hangs on is not in the documents"] = None
    return tuple(found)


def _sentence(reason: Reason, world: World, rivals: list[str]) -> str:
    if not reason.policy:
        return (
            "give the pods and nodes as `kubectl get pods,nodes -A -o json` has them, so that each pod's node is known"
        )
    name = f"{reason.namespace}/{reason.policy}" if reason.namespace else reason.policy
    named = [
        policy
        for policy in world.policies
        if (policy.kind, policy.namespace, policy.name) == (reason.kind, reason.namespace, reason.policy)
    ]
    if not named:
        return f"{reason.kind} {name} is of a kind that is not modelled: only the cluster can tell"
    policy = named[0]
    rules = policy.rules(reason.direction)
    if 0 <= reason.rule < len(rules):
        return _of_rule(policy, rules[reason.rule], rivals)
    return f"{reason.kind} {name} has a part that is not modelled: only the cluster can tell"


def _of_rule(policy: Policy, rule: Rule, rivals: list[str]) -> str:
    name = f"{policy.namespace}/{policy.name}" if policy.namespace else policy.name
    what = f"rule {rule.index + 1} of {policy.kind} {name}"
    if rule.doubt:
        return f"{what}: {rule.doubt}"
    kinds = {type(leaf) for peer in rule.peers or () for leaf in leaves(peer)}
    if NamePeer in kinds:
        return f"{what} goes by domain names: which addresses they have is not in the documents"
    if NodePeer in kinds:
        return f"{what} goes by nodes: give `kubectl get nodes -o json`"
    if rivals:
        others = ", ".join(rivals[:3])
        return f"{what} stands beside {others} with equal priority: which of them wins is not defined; make them differ"
    return f"{what} goes by addresses: give `kubectl get pods -A -o json`, so that each pod's are known"
