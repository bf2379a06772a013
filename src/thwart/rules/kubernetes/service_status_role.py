"""A role may change the status of Services.

Whoever sets the address of a load balancer there takes the traffic to that address (CVE-2020-8554).

Fix: Remove the verbs, or bind the role to those few who need it. No edit is offered: what is needed its author knows.

Bad:
    apiVersion: rbac.authorization.k8s.io/v1
    kind: ClusterRole
    metadata: {name: web}
    rules:
      - {apiGroups: [""], resources: [services/status], verbs: [update, patch]}

Good:
    apiVersion: rbac.authorization.k8s.io/v1
    kind: ClusterRole
    metadata: {name: web}
    rules:
      - {apiGroups: [""], resources: [services], verbs: [list]}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit, listed
from thwart.rules.kubernetes import Object, object_rule
from thwart.rules.kubernetes._rbac import grants


@object_rule(Severity.MEDIUM)
def service_status_role(one: Object) -> Iterator[Hit]:
    """Roles and ClusterRoles, each rule by itself."""
    for grant in grants(one):
        verbs = grant.grants({"update", "patch"}, "services/status")
        if verbs:
            yield grant.hit(f"may {listed(sorted(verbs))} services/status", "verbs")
