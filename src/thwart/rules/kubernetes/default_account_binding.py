"""A role is bound to the default service account.

Every pod that names no account runs as the default one, so whatever it may do, all of them may.

Fix: Make a service account for the program that needs the role, and bind the role to that. No edit is offered: which
program needs the role its author knows.

Bad:
    apiVersion: rbac.authorization.k8s.io/v1
    kind: RoleBinding
    metadata: {name: web, namespace: shop}
    roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: view}
    subjects:
      - {kind: ServiceAccount, name: default, namespace: shop}

Good:
    apiVersion: rbac.authorization.k8s.io/v1
    kind: RoleBinding
    metadata: {name: web, namespace: shop}
    roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: view}
    subjects:
      - {kind: ServiceAccount, name: web, namespace: shop}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Object, object_rule


@object_rule(Severity.MEDIUM, "cis-kubernetes:5.1.5", "nsa:authentication")
def default_account_binding(one: Object) -> Iterator[Hit]:
    """Bindings in a namespace and in the cluster."""
    if one.kind not in ("RoleBinding", "ClusterRoleBinding"):
        return
    for subject in one.entries("subjects"):
        if subject.text("kind") == "ServiceAccount" and subject.text("name") == "default":
            yield subject.hit(f"gives {one.text('roleRef', 'name')[:100] or 'its role'} to the default account", "name")
