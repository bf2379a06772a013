"""A binding gives the cluster away.

The roles that all files of the run define were put together, aggregated ones included, and the powers that they grant
compared with those that lead to all others: to create pods is to run as any service account, to read secrets is to
have every token. Whoever takes over one of these subjects has the cluster.

Fix: Grant the few verbs on the few resources that are needed, in the namespace where they are needed, with a
RoleBinding. No edit is offered: what a program needs only its author knows.

Bad:
    apiVersion: rbac.authorization.k8s.io/v1
    kind: ClusterRole
    metadata: {name: deployer}
    rules:
      - {apiGroups: [apps], resources: [deployments], verbs: [create, patch]}
    ---
    apiVersion: rbac.authorization.k8s.io/v1
    kind: ClusterRoleBinding
    metadata: {name: web}
    roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: deployer}
    subjects:
      - {kind: ServiceAccount, name: web, namespace: shop}

Good:
    apiVersion: rbac.authorization.k8s.io/v1
    kind: ClusterRole
    metadata: {name: deployer}
    rules:
      - {apiGroups: [apps], resources: [deployments], verbs: [get, list]}
    ---
    apiVersion: rbac.authorization.k8s.io/v1
    kind: ClusterRoleBinding
    metadata: {name: web}
    roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: deployer}
    subjects:
      - {kind: ServiceAccount, name: web, namespace: shop}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit, listed
from thwart.rules.kubernetes import Related, related_rule


@related_rule(Severity.HIGH, "cis-kubernetes:5.1.1", "nsa:authentication")
def cluster_takeover_binding(one: Related) -> Iterator[Hit]:
    """Effective permissions over all files. Bindings to cluster-admin itself are another rule's."""
    if one.kind not in ("ClusterRoleBinding", "RoleBinding") or one.text("roleRef", "name") == "cluster-admin":
        return
    told: dict[str, list[str]] = {}
    for subject in one.world.access.bound(one):
        how = one.world.access.takes(subject)
        if how:
            told.setdefault(how, []).append(str(subject))
    for how, who in told.items():
        yield one.hit(f"gives the cluster to {listed(who)}, which {how}", "roleRef")
