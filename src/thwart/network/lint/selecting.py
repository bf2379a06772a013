"""Policies whose subject is not what it seems: it selects nothing, stands in no namespace, or cannot hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from thwart.core.advisory import Severity
from thwart.network.lint import Finding, check
from thwart.network.lint._look import Look, some
from thwart.network.lint._meant import meant
from thwart.network.lint._near import nearest
from thwart.network.model import Endpoint, PodPeer, Policy
from thwart.network.selectors import describe, matches

_BUILT_IN = ("default", "kube-system", "kube-public", "kube-node-lease")  # every cluster has them


@check("policy-selects-nothing", Severity.HIGH)
def policy_selects_nothing(look: Look) -> Iterator[Finding]:
    """A policy selects none of the pods that were read, so that it protects nothing.

    `high` where a label of nearly that name exists, so that something was meant to be protected and is not; `medium`
    else. Not reported: a selector that is empty (what is to come is meant), and namespaces without any workload.
    """
    for number, policy in enumerate(look.policies):
        subject = policy.subject
        if not isinstance(subject, PodPeer) or not (subject.pods or subject.namespaces) or look.subject(number):
            continue
        around = _around(look, subject)
        if not around or any(matches(subject.pods, endpoint.labels) for endpoint in around):
            continue  # what it selects is in the host's network: see policy-cannot-hold
        labels = [endpoint.labels for endpoint in around]
        if subject.namespace is None and not _in_namespaces(look, subject):
            selector, labels = subject.namespaces, [one.labels for one in look.world.namespaces.values()]
        else:
            selector = subject.pods
        guess = meant(selector, labels)
        yield Finding(
            check="policy-selects-nothing",
            severity=Severity.HIGH if guess else Severity.MEDIUM,
            sentence=f"it selects no pod: nothing there has {describe(selector)}" + _guess(guess),
            fix=f"select {guess}" if guess else "correct the selector, or delete the policy",
            place=look.place(policy, _pointer(policy)),
        )


def _around(look: Look, subject: PodPeer) -> list[Endpoint]:
    if subject.namespace is not None:
        return look.inhabited.get(subject.namespace, [])
    return list(look.world.endpoints)


def _in_namespaces(look: Look, subject: PodPeer) -> bool:
    names = (name for name, one in look.world.namespaces.items() if matches(subject.namespaces, one.labels))
    return any(name in look.inhabited for name in names)


def _pointer(policy: Policy) -> tuple[str | int, ...]:
    return ("spec", "subject" if policy.kind.endswith("NetworkPolicy") and not policy.namespace else "podSelector")


def _guess(guess: str) -> str:
    return f"; did you mean {guess}" if guess else ""


@check("policy-cannot-hold", Severity.MEDIUM)
def policy_cannot_hold(look: Look) -> Iterator[Finding]:
    """A policy's labels are those of a workload in the host's network, where no network policy holds.

    Such pods have their node's address; plugins apply policies to them as to the node, which is to say not at all
    (kubernetes.io, "network policies"). Reported for policies that select by labels: an empty selector means the rest.
    """
    hosted: dict[str, list[Endpoint]] = {}
    for endpoint in look.world.endpoints:
        if endpoint.host_network:
            hosted.setdefault(endpoint.namespace, []).append(endpoint)
    for policy in look.policies if hosted else ():
        subject = policy.subject
        if not isinstance(subject, PodPeer) or not subject.pods:
            continue
        found = {
            f"{endpoint.namespace}/{endpoint.workload.partition('/')[2]}"
            for endpoint in _hosted(look, subject, hosted)
            if matches(subject.pods, endpoint.labels)
        }
        if found:
            yield Finding(
                check="policy-cannot-hold",
                severity=Severity.MEDIUM,
                sentence=f"it selects {some(sorted(found))}, which is in the host's network, where no policy holds",
                fix="take hostNetwork out of the workload, or guard the node itself",
                place=look.place(policy, _pointer(policy)),
            )


def _hosted(look: Look, subject: PodPeer, hosted: Mapping[str, list[Endpoint]]) -> Iterable[Endpoint]:
    if subject.namespace is not None:
        return hosted.get(subject.namespace, ())
    names = [name for name in hosted if matches(subject.namespaces, look.world.namespaces[name].labels)]
    return [endpoint for name in names for endpoint in hosted[name]]


@check("policy-in-missing-namespace", Severity.MEDIUM)
def policy_in_missing_namespace(look: Look) -> Iterator[Finding]:
    """A policy stands in a namespace that was not read, although others were: a misspelt one protects nothing.

    Not reported where no document of a namespace was read, and for namespaces that every cluster has.
    """
    if not any(namespace.stated for namespace in look.world.namespaces.values()):
        return
    known = set(look.world.namespaces)
    for policy in look.policies:
        if not policy.namespace or policy.namespace in known or policy.namespace in _BUILT_IN:
            continue
        guess = nearest(policy.namespace, known)
        yield Finding(
            check="policy-in-missing-namespace",
            severity=Severity.MEDIUM,
            sentence=f"there is no namespace {policy.namespace} in what was read" + _guess(guess),
            fix=f"put it into {guess}" if guess else "correct the namespace, or read its document too",
            place=look.place(policy, ("metadata", "namespace")),
        )
