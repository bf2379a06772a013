"""A workload can take over the cluster.

Its service account has, directly or by way of another one, permissions that lead to all others. Whoever finds one
defect in the program finds the token beside it, and needs nothing else.

Fix: Give the workload a service account of its own with the least role. No edit is offered: what the program needs
only its author knows.

Bad:
    apiVersion: v1
    kind: Pod
    metadata: {name: web, namespace: shop}
    spec:
      serviceAccountName: web
      containers:
        - {name: web, image: "registry.example.test/web:1.2"}
    ---
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
    apiVersion: v1
    kind: Pod
    metadata: {name: web, namespace: shop}
    spec:
      serviceAccountName: web
      containers:
        - {name: web, image: "registry.example.test/web:1.2"}
    ---
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
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Workload, workload_rule


@workload_rule(Severity.HIGH, "cis-kubernetes:5.1.6", "nsa:authentication")
def cluster_takeover_workload(work: Workload) -> Iterator[Hit]:
    """Effective permissions of the account over all files of the run; the phrase is the chain."""
    how = work.world.access.account(work.namespace, work.account)
    if how:
        yield work.hit(f"runs as service account {work.account}, which {how}", "spec", "serviceAccountName")
