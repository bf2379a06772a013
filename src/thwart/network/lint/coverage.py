"""What no policy guards: namespaces without a default, and workloads that every policy misses."""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.lib.bitsets import members
from thwart.network.lint import Finding, Place, check
from thwart.network.lint._look import SYSTEM, Look, some
from thwart.network.model import DENY, EGRESS, INGRESS, PodPeer, Policy
from thwart.network.selectors import matches


@check("namespace-without-default-deny", Severity.MEDIUM)
def namespace_without_default_deny(look: Look) -> Iterator[Finding]:
    """Nothing isolates every pod of a namespace: one that no policy happens to select, or that comes tomorrow, is open.

    Counted is a policy of any kind that selects all pods of the namespace and isolates them, or denies them everything.
    `medium` where that is missing for ingress; `low` where only egress is open, and for namespaces of the platform.
    Namespaces in which nothing runs in the pod network are passed over.
    """
    closed = closed_namespaces(look)
    for name in sorted(look.of_namespace):
        missing = [direction for direction in (INGRESS, EGRESS) if name not in closed[direction]]
        if not missing:
            continue
        low = INGRESS not in missing or name.startswith(SYSTEM)
        yield Finding(
            check="namespace-without-default-deny",
            severity=Severity.LOW if low else Severity.MEDIUM,
            sentence=f"nothing isolates every pod of it for {' and '.join(missing)}",
            fix="add a policy that selects every pod and allows nothing",
            place=Place(f"Namespace {name}", *_where(look, name)),
            snippet=_default_deny(name, missing),
        )


def closed_namespaces(look: Look) -> dict[str, set[str]]:
    """The namespaces in which every pod is isolated or denied, by direction."""
    closed: dict[str, set[str]] = {INGRESS: set(), EGRESS: set()}
    for policy in look.policies:
        subject = policy.subject
        if not isinstance(subject, PodPeer) or subject.pods or policy.layer:
            continue
        for direction in (INGRESS, EGRESS):
            if direction in policy.isolates or _denies_all(look, policy, direction):
                closed[direction].update(_namespaces(look, subject))
    return closed


def _denies_all(look: Look, policy: Policy, direction: str) -> bool:
    return any(
        rule.action == DENY and rule.ports is None and not look.pods & ~look.peers(rule)
        for rule in policy.rules(direction)
    )


def _namespaces(look: Look, subject: PodPeer) -> list[str]:
    if subject.namespace is not None:
        return [subject.namespace]
    return [name for name, one in look.world.namespaces.items() if matches(subject.namespaces, one.labels)]


def _where(look: Look, name: str) -> tuple[str, int]:
    """The file of the namespace's first policy, as a place to start from."""
    policy = next((policy for policy in look.policies if policy.namespace == name), None)
    return (policy.origin.path, 0) if policy else ("", 0)


def _default_deny(name: str, directions: list[str]) -> str:
    types = ", ".join(direction.capitalize() for direction in directions)
    return (
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
        f"metadata: {{name: default-deny, namespace: {name}}}\n"
        f"spec: {{podSelector: {{}}, policyTypes: [{types}]}}\n"
    )


@check("workload-without-policy", Severity.MEDIUM)
def workload_without_policy(look: Look) -> Iterator[Finding]:
    """A workload is isolated by no policy for ingress, in a namespace where others are: everything reaches it.

    Where a namespace has no policy at all, `namespace-without-default-deny` says so once instead.
    """
    closed = closed_namespaces(look)[INGRESS]
    guarded = 0
    for number, policy in enumerate(look.policies):
        denies = any(rule.action == DENY for rule in policy.ingress)
        if not policy.layer and (INGRESS in policy.isolates or denies):
            guarded |= look.subject(number)
    for name, classes in sorted(look.of_namespace.items()):
        if name in closed or not classes & guarded:
            continue
        found = sorted({w for number in members(classes & ~guarded) for w in look.class_names(number)})
        if found:
            yield Finding(
                check="workload-without-policy",
                severity=Severity.MEDIUM,
                sentence=f"no policy isolates {some(found)} for ingress",
                fix="add a policy that selects it, or a default deny for the namespace",
                place=Place(f"Namespace {name}", *_where(look, name)),
            )
