"""A binding names a role that is not there.

It grants nothing until somebody makes a role of that name, and then it grants whatever that one says.

Fix: Name the role that is meant, or remove the binding. No edit is offered: either may be right.

Bad:
    apiVersion: rbac.authorization.k8s.io/v1
    kind: Role
    metadata: {name: reader, namespace: shop}
    rules:
      - {apiGroups: [""], resources: [configmaps], verbs: [get]}
    ---
    apiVersion: rbac.authorization.k8s.io/v1
    kind: RoleBinding
    metadata: {name: web, namespace: shop}
    roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: writer}
    subjects:
      - {kind: ServiceAccount, name: web, namespace: shop}

Good:
    apiVersion: rbac.authorization.k8s.io/v1
    kind: Role
    metadata: {name: reader, namespace: shop}
    rules:
      - {apiGroups: [""], resources: [configmaps], verbs: [get]}
    ---
    apiVersion: rbac.authorization.k8s.io/v1
    kind: RoleBinding
    metadata: {name: web, namespace: shop}
    roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
    subjects:
      - {kind: ServiceAccount, name: web, namespace: shop}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Related, related_rule


@related_rule(Severity.LOW, confidence="medium")
def binding_without_role(one: Related) -> Iterator[Hit]:
    """Roles of a namespace only, and only where the files have other roles: ClusterRoles are made by many."""
    name = one.text("roleRef", "name")
    if one.kind != "RoleBinding" or one.text("roleRef", "kind") != "Role" or not one.world.near("Role", one.namespace):
        return
    if not any(role.text("metadata", "name") == name for role in one.world.near("Role", one.namespace)):
        yield one.hit(f"names the role {name[:80]}, which is in none of the files", "roleRef", "name")
