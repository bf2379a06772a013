"""A role is for all resources.

An asterisk grants what is there today, secrets and roles among it, and whatever an update or a new operator adds tomorrow.

Fix: Name the resources that are needed. No edit is offered: what is needed its author knows.

Bad:
    apiVersion: rbac.authorization.k8s.io/v1
    kind: Role
    metadata: {name: web}
    rules:
      - {apiGroups: [""], resources: ["*"], verbs: [get]}

Good:
    apiVersion: rbac.authorization.k8s.io/v1
    kind: Role
    metadata: {name: web}
    rules:
      - {apiGroups: [""], resources: [configmaps], verbs: [get]}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit, listed
from thwart.rules.kubernetes import Object, object_rule
from thwart.rules.kubernetes._rbac import grants


@object_rule(Severity.CRITICAL, "cis-kubernetes:5.1.3", "nsa:authentication")
def wildcard_role(one: Object) -> Iterator[Hit]:
    """Each rule by itself; not one for the group of an operator's own kinds, where all resources are few and its own."""
    for grant in grants(one):
        if "*" in grant.words("resources") and not all(map(_own, grant.words("apiGroups") or ["*"])):
            verbs = grant.words("verbs")
            told = "do everything to" if "*" in verbs else listed(verbs)
            yield grant.hit(f"may {told} all resources", "resources")


def _own(group: str) -> bool:
    return "." in group and not group.endswith(".k8s.io")
