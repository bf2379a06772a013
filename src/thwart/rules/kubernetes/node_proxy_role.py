"""A role may speak to the kubelets.

nodes/proxy is the kubelet's own interface: commands in every pod of a node, past admission and past the API server's
log.

Fix: Remove `nodes/proxy`; `nodes/metrics` and `nodes/stats` are enough to watch nodes. No edit is offered: what is
needed its author knows.

Bad:
    apiVersion: rbac.authorization.k8s.io/v1
    kind: Role
    metadata: {name: web}
    rules:
      - {apiGroups: [""], resources: [nodes/proxy], verbs: [get]}

Good:
    apiVersion: rbac.authorization.k8s.io/v1
    kind: Role
    metadata: {name: web}
    rules:
      - {apiGroups: [""], resources: [nodes/metrics], verbs: [get]}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Object, object_rule
from thwart.rules.kubernetes._rbac import grants


@object_rule(Severity.HIGH, "cis-kubernetes:5.1.10")
def node_proxy_role(one: Object) -> Iterator[Hit]:
    """Roles and ClusterRoles, each rule by itself."""
    for grant in grants(one):
        if grant.grants({"get", "create", "update", "patch", "delete"}, "nodes/proxy"):
            yield grant.hit("may speak to the kubelets", "resources")
