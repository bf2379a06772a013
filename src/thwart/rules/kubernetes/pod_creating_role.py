"""A role may create pods.

Whoever may create pods, or what makes pods, chooses their service account, secrets and volumes: it is every right
that somebody in the namespace has.

Fix: Leave creating workloads to the pipeline and to controllers; enforce a Pod Security Standard on the namespace. No
edit is offered: what is needed its author knows.

Bad:
    apiVersion: rbac.authorization.k8s.io/v1
    kind: Role
    metadata: {name: web}
    rules:
      - {apiGroups: [""], resources: [pods], verbs: [create]}

Good:
    apiVersion: rbac.authorization.k8s.io/v1
    kind: Role
    metadata: {name: web}
    rules:
      - {apiGroups: [""], resources: [pods], verbs: [get, list]}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit, listed
from thwart.rules.kubernetes import Object, object_rule
from thwart.rules.kubernetes._rbac import grants


@object_rule(Severity.MEDIUM, "cis-kubernetes:5.1.4")
def pod_creating_role(one: Object) -> Iterator[Hit]:
    """Roles and ClusterRoles, each rule by itself."""
    for grant in grants(one):
        made = [kind for kind in _WORKLOADS if grant.grants({"create", "update", "patch"}, kind)]
        if made:
            yield grant.hit(f"may create {listed(made)}", "resources")


_WORKLOADS = (
    *("pods", "deployments", "statefulsets", "daemonsets", "replicasets", "replicationcontrollers", "jobs", "cronjobs"),
)
