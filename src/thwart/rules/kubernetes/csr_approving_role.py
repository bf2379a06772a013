"""A role may approve certificates.

A certificate names a user and its groups. Whoever has one approved for a node or for an administrator is that.

Fix: Remove the verbs, or bind the role to those few who need it. No edit is offered: what is needed its author knows.

Bad:
    apiVersion: rbac.authorization.k8s.io/v1
    kind: ClusterRole
    metadata: {name: web}
    rules:
      - {apiGroups: ["certificates.k8s.io"], resources: [certificatesigningrequests/approval], verbs: [update, patch]}

Good:
    apiVersion: rbac.authorization.k8s.io/v1
    kind: ClusterRole
    metadata: {name: web}
    rules:
      - {apiGroups: ["certificates.k8s.io"], resources: [certificatesigningrequests], verbs: [list]}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit, listed
from thwart.rules.kubernetes import Object, object_rule
from thwart.rules.kubernetes._rbac import grants


@object_rule(Severity.HIGH, "cis-kubernetes:5.1.11")
def csr_approving_role(one: Object) -> Iterator[Hit]:
    """Roles and ClusterRoles, each rule by itself."""
    for grant in grants(one):
        verbs = grant.grants({"update", "patch"}, "certificatesigningrequests/approval")
        if verbs:
            yield grant.hit(f"may {listed(sorted(verbs))} certificatesigningrequests/approval", "verbs")
