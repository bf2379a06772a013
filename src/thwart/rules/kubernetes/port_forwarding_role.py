"""A role may reach every port of pods.

A forwarded port is reached past every network policy, also where the program listens only for itself.

Fix: Remove the verbs, or bind the role to those few who need it. No edit is offered: what is needed its author knows.

Bad:
    apiVersion: rbac.authorization.k8s.io/v1
    kind: ClusterRole
    metadata: {name: web}
    rules:
      - {apiGroups: [""], resources: [pods/portforward], verbs: [create, get]}

Good:
    apiVersion: rbac.authorization.k8s.io/v1
    kind: ClusterRole
    metadata: {name: web}
    rules:
      - {apiGroups: [""], resources: [pods], verbs: [list]}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit, listed
from thwart.rules.kubernetes import Object, object_rule
from thwart.rules.kubernetes._rbac import grants


@object_rule(Severity.LOW)
def port_forwarding_role(one: Object) -> Iterator[Hit]:
    """Roles and ClusterRoles, each rule by itself."""
    for grant in grants(one):
        verbs = grant.grants({"create", "get"}, "pods/portforward")
        if verbs:
            yield grant.hit(f"may {listed(sorted(verbs))} pods/portforward", "verbs")
