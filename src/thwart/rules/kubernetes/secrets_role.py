"""A role may read secrets.

Whoever may get, list or watch secrets has all passwords and tokens of the namespace, those of other service accounts
among them. To list is to read: the answer holds the values.

Fix: Grant `get` on the secrets that are needed, by `resourceNames`, or mount them. No edit is offered: what is needed
its author knows.

Bad:
    apiVersion: rbac.authorization.k8s.io/v1
    kind: Role
    metadata: {name: web}
    rules:
      - {apiGroups: [""], resources: [secrets], verbs: [list]}

Good:
    apiVersion: rbac.authorization.k8s.io/v1
    kind: Role
    metadata: {name: web}
    rules:
      - {apiGroups: [""], resources: [secrets], resourceNames: [web], verbs: [get]}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit, listed
from thwart.rules.kubernetes import Object, object_rule
from thwart.rules.kubernetes._rbac import grants


@object_rule(Severity.HIGH, "cis-kubernetes:5.1.2")
def secrets_role(one: Object) -> Iterator[Hit]:
    """Roles and ClusterRoles, each rule by itself."""
    for grant in grants(one):
        verbs = grant.grants({"get", "list", "watch"}, "secrets")
        if verbs and not (verbs == {"get"} and grant.words("resourceNames")):
            yield grant.hit(f"may {listed(sorted(verbs))} secrets", "resources")
