"""A role may create volumes.

A volume may be a folder of the host, past every Pod Security Standard: with it, the node is taken.

Fix: Remove the verbs, or bind the role to those few who need it. No edit is offered: what is needed its author knows.

Bad:
    apiVersion: rbac.authorization.k8s.io/v1
    kind: ClusterRole
    metadata: {name: web}
    rules:
      - {apiGroups: [""], resources: [persistentvolumes], verbs: [create, update, patch]}

Good:
    apiVersion: rbac.authorization.k8s.io/v1
    kind: ClusterRole
    metadata: {name: web}
    rules:
      - {apiGroups: [""], resources: [persistentvolumeclaims], verbs: [list]}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit, listed
from thwart.rules.kubernetes import Object, object_rule
from thwart.rules.kubernetes._rbac import grants


@object_rule(Severity.MEDIUM, "cis-kubernetes:5.1.9")
def volume_creating_role(one: Object) -> Iterator[Hit]:
    """Roles and ClusterRoles, each rule by itself."""
    for grant in grants(one):
        verbs = grant.grants({"create", "update", "patch"}, "persistentvolumes")
        if verbs:
            yield grant.hit(f"may {listed(sorted(verbs))} persistentvolumes", "verbs")
