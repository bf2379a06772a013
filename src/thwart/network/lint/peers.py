"""Peers that match nothing, and peers that other peers of the rule hold already."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from thwart.core.advisory import Severity
from thwart.network.lint import Finding, check
from thwart.network.lint._look import SYSTEM, Look, fields
from thwart.network.lint._meant import meant
from thwart.network.model import ALLOW, NAME_LABEL, PodPeer, Rule
from thwart.network.selectors import describe, matches


@check("peer-matches-nothing", Severity.MEDIUM)
def peer_matches_nothing(look: Look) -> Iterator[Finding]:
    """A peer of a rule is none of the pods that were read: a typing error, or something that is gone.

    `medium` where a label or a namespace of nearly that name exists, or where the whole cluster was read; `low` else, as
    the pods may be in manifests that were not read. Platform namespaces (`kube-*`, `openshift-*`) that were not read at
    all, and peers in namespaces without any workload, are passed over.
    """
    if not look.world.endpoints:
        return
    for _, policy, direction, rule in look.rules():
        for place, peer in enumerate(rule.peers or ()):
            if not isinstance(peer, PodPeer) or look.peer(peer, rule):
                continue
            missing = _unmatched(look, peer)
            if missing is None:
                continue
            what, guess = missing
            yield Finding(
                check="peer-matches-nothing",
                severity=Severity.MEDIUM if guess or look.complete else Severity.LOW,
                sentence=f"a peer of {direction} rule {rule.index + 1} matches nothing: {what}"
                + (f"; did you mean {guess}" if guess else ""),
                fix=f"write {guess}" if guess else "correct the selector, or take the peer out",
                place=look.place(policy, (*rule.pointer, fields(direction), place)),
            )


def _unmatched(look: Look, peer: PodPeer) -> tuple[str, str] | None:
    """What is missing, and what was probably meant; None where that is no news."""
    if peer.namespace is not None:
        names = [peer.namespace]
    else:
        names = [name for name, one in look.world.namespaces.items() if matches(peer.namespaces, one.labels)]
        if not names:
            return _no_namespace(look, peer)
    around = [endpoint for name in names for endpoint in look.inhabited.get(name, ())]
    if not around:
        return None
    if any(endpoint.host_network and matches(peer.pods, endpoint.labels) for endpoint in around):
        return f"what has {describe(peer.pods)} is in the host's network, where selectors do not reach", ""
    if peer.namespace is None and not peer.namespaces and not look.complete and _of_platform(peer):
        return None
    where = f"in {names[0]}" if len(names) == 1 else "in those namespaces"
    return f"nothing {where} has {describe(peer.pods)}", meant(peer.pods, (one.labels for one in around))


def _no_namespace(look: Look, peer: PodPeer) -> tuple[str, str] | None:
    wanted = [value for key, _, values in peer.namespaces if key == NAME_LABEL for value in values]
    if any(name.startswith(SYSTEM) for name in wanted) and not look.complete:
        return None
    guess = meant(peer.namespaces, (one.labels for one in look.world.namespaces.values()))
    return f"no namespace has {describe(peer.namespaces)}", guess


def _of_platform(peer: PodPeer) -> bool:
    """Whether a selector over all namespaces is of the platform's own components, as the cluster's DNS is found."""
    return any(key in ("k8s-app", "dns.operator.openshift.io/daemonset-dns") for key, _, _ in peer.pods)


@check("redundant-peer", Severity.LOW)
def redundant_peer(look: Look) -> Iterator[Finding]:
    """A peer is held by another peer of the same rule, so that it adds nothing.

    A frequent cause is a dash too many: `- namespaceSelector` and `- podSelector` as two peers are an *or*, where one
    peer with both would be an *and*.
    """
    for _, policy, direction, rule in look.rules():
        if rule.action == ALLOW and len(rule.peers or ()) > 1:
            for place, other in _held(look, rule):
                yield Finding(
                    check="redundant-peer",
                    severity=Severity.LOW,
                    sentence=f"peer {place + 1} of {direction} rule {rule.index + 1} adds nothing to peer {other + 1}",
                    fix="take the peer out; if both were to hold, write them as one peer",
                    place=look.place(policy, (*rule.pointer, fields(direction), place)),
                )


def _held(look: Look, rule: Rule) -> Iterator[tuple[int, int]]:
    bits = [look.peer(peer, rule) for peer in rule.peers or ()]
    for place, mine in enumerate(bits):
        for other, theirs in enumerate(bits):
            wider = mine != theirs or other < place
            if place != other and mine and wider and not mine & ~theirs:
                yield place, other
                break


@check("or-instead-of-and", Severity.HIGH)
def or_instead_of_and(look: Look) -> Iterator[Finding]:
    """A peer with only a namespaceSelector is followed by one with only a podSelector: these are an *or*.

    One dash too many turns "the pods so labelled in that namespace" into "every pod of that namespace, and the pods so
    labelled here" (k8s.io/api networking/v1 types.go, NetworkPolicyPeer). `high` where the labels are found in that
    namespace and not here, so that *and* was surely meant; `low` else.
    """
    for _, policy, direction, rule in look.rules():
        for place, (one, other) in enumerate(pairwise(rule.peers or ())):
            if not (isinstance(one, PodPeer) and isinstance(other, PodPeer) and _is_pair(one, other, policy.namespace)):
                continue
            meant_and = not look.peer(other, rule) and _is_there(look, one, other)
            yield Finding(
                check="or-instead-of-and",
                severity=Severity.HIGH if meant_and else Severity.LOW,
                sentence=f"peers {place + 1} and {place + 2} of {direction} rule {rule.index + 1} are an or: "
                f"every pod in {describe(one.namespaces)}, and {describe(other.pods)} in {policy.namespace}",
                fix="if both must hold, take the dash before podSelector away",
                place=look.place(policy, (*rule.pointer, fields(direction), place + 1)),
            )


def _is_pair(one: PodPeer, other: PodPeer, namespace: str) -> bool:
    whole = one.namespace is None and not one.pods and bool(one.namespaces)
    return whole and other.namespace == namespace and bool(other.pods)


def _is_there(look: Look, where: PodPeer, what: PodPeer) -> bool:
    """Whether a pod with the labels of one peer is in the namespaces of another."""
    return any(
        matches(where.namespaces, look.world.namespaces[name].labels)
        and any(matches(what.pods, endpoint.labels) for endpoint in endpoints)
        for name, endpoints in look.inhabited.items()
    )
