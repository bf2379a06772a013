"""A role may run commands in containers.

Whoever may create pods/exec or pods/attach is inside every container of the namespace, with its files, its network
and its token.

Fix: Remove `pods/exec` and `pods/attach`; grant them to people for the time that they need them. No edit is offered:
what is needed its author knows.

Bad:
    apiVersion: rbac.authorization.k8s.io/v1
    kind: Role
    metadata: {name: web}
    rules:
      - {apiGroups: [""], resources: [pods/exec], verbs: [create]}

Good:
    apiVersion: rbac.authorization.k8s.io/v1
    kind: Role
    metadata: {name: web}
    rules:
      - {apiGroups: [""], resources: [pods/log], verbs: [get]}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Object, object_rule
from thwart.rules.kubernetes._rbac import grants


@object_rule(Severity.HIGH, "nsa:authentication")
def exec_role(one: Object) -> Iterator[Hit]:
    """Roles and ClusterRoles, each rule by itself."""
    for grant in grants(one):
        for resource in ("pods/exec", "pods/attach"):
            if grant.grants({"create", "get"}, resource):
                yield grant.hit(f"may use {resource}", "resources")
