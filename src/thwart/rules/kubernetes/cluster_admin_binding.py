"""Somebody is made administrator of the cluster.

cluster-admin may do everything to everything. A program with it gives the cluster to whoever takes the program over.

Fix: Bind a role with the verbs and resources that are needed, in the namespace where they are. No edit is offered:
what is needed its author knows.

Bad:
    apiVersion: rbac.authorization.k8s.io/v1
    kind: ClusterRoleBinding
    metadata: {name: web}
    roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
    subjects:
      - {kind: ServiceAccount, name: web, namespace: shop}

Good:
    apiVersion: rbac.authorization.k8s.io/v1
    kind: ClusterRoleBinding
    metadata: {name: web}
    roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
    subjects:
      - {kind: ServiceAccount, name: web, namespace: shop}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Object, object_rule


@object_rule(Severity.CRITICAL, "cis-kubernetes:5.1.1", "nsa:authentication")
def cluster_admin_binding(one: Object) -> Iterator[Hit]:
    """Also in one namespace, where cluster-admin owns everything in it."""
    if one.kind in ("ClusterRoleBinding", "RoleBinding") and one.text("roleRef", "name") == "cluster-admin":
        where = "the cluster" if one.kind == "ClusterRoleBinding" else "its namespace"
        yield one.hit(f"makes its subjects administrators of {where}", "roleRef", "name")
