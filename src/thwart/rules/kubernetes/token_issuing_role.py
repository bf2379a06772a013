"""A role may issue tokens of service accounts.

A token of another service account is everything that this account may do, for as long as the token says.

Fix: Remove `serviceaccounts/token`. No edit is offered: what is needed its author knows.

Bad:
    apiVersion: rbac.authorization.k8s.io/v1
    kind: Role
    metadata: {name: web}
    rules:
      - {apiGroups: [""], resources: [serviceaccounts/token], verbs: [create]}

Good:
    apiVersion: rbac.authorization.k8s.io/v1
    kind: Role
    metadata: {name: web}
    rules:
      - {apiGroups: [""], resources: [serviceaccounts], verbs: [get]}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Object, object_rule
from thwart.rules.kubernetes._rbac import grants


@object_rule(Severity.HIGH, "cis-kubernetes:5.1.13")
def token_issuing_role(one: Object) -> Iterator[Hit]:
    """Roles and ClusterRoles, each rule by itself."""
    for grant in grants(one):
        if grant.grants({"create"}, "serviceaccounts/token"):
            yield grant.hit("may issue tokens of service accounts", "resources")
