"""A role may give out more than it has.

To escalate or bind roles, or to impersonate users, is to have every right that somebody has.

Fix: Remove the verbs `escalate`, `bind` and `impersonate`, and the asterisk, which is all of them. No edit is offered: what is needed its author knows.

Bad:
    apiVersion: rbac.authorization.k8s.io/v1
    kind: Role
    metadata: {name: web}
    rules:
      - {apiGroups: [rbac.authorization.k8s.io], resources: [roles], verbs: [escalate]}

Good:
    apiVersion: rbac.authorization.k8s.io/v1
    kind: Role
    metadata: {name: web}
    rules:
      - {apiGroups: [rbac.authorization.k8s.io], resources: [roles], verbs: [get]}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Object, object_rule
from thwart.rules.kubernetes._rbac import grants


@object_rule(Severity.CRITICAL, "cis-kubernetes:5.1.8")
def role_changing_role(one: Object) -> Iterator[Hit]:
    """Roles and ClusterRoles, each rule by itself.

    Not those that may only write roles and bindings: the API server lets nobody give what they do not have without these
    verbs.
    """
    for grant in grants(one):
        for verb, resources in _POWERS.items():
            if any(grant.grants({verb}, resource) for resource in resources):
                yield grant.hit(f"may {verb}", "verbs")


_POWERS = {
    "escalate": ("roles", "clusterroles"),
    "bind": ("roles", "clusterroles"),
    "impersonate": ("users", "groups", "serviceaccounts"),
}
