"""Rules that trust labels of namespaces which the owner of a namespace may be able to set."""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.network.lint import Finding, check
from thwart.network.lint._look import Look, some
from thwart.network.model import ALLOW, INGRESS, NAME_LABEL, PodPeer


@check("settable-namespace-label", Severity.LOW)
def settable_namespace_label(look: Look) -> Iterator[Finding]:
    """Ingress is allowed to namespaces by a label that whoever may edit or create a namespace can set.

    Only `kubernetes.io/metadata.name` is set by the API server, and cannot be changed. A note for clusters in which
    teams make their own namespaces; one finding for each policy.
    """
    for policy in look.policies:
        keys: dict[str, tuple[str | int, ...]] = {}
        for rule in policy.rules(INGRESS):
            for place, peer in enumerate(rule.peers or ()):
                if rule.action == ALLOW and isinstance(peer, PodPeer) and peer.namespace is None:
                    named = {requirement.key for requirement in peer.namespaces}
                    if named and NAME_LABEL not in named:
                        for key in sorted(named):
                            keys.setdefault(key, (*rule.pointer, "from", place))
        if keys:
            yield Finding(
                check="settable-namespace-label",
                severity=Severity.LOW,
                sentence=f"it trusts namespaces by {some(sorted(keys))}, which their owners may be able to set",
                fix=f"select them by {NAME_LABEL}, or have admission guard the label",
                place=look.place(policy, next(iter(keys.values()))),
            )
