"""A role grants all verbs.

An asterisk is more than reading and writing: it is deleting everything at once, and for roles and service accounts it is
to escalate, bind and impersonate.

Fix: Name the verbs that are needed. No edit is offered: what is needed its author knows.

Bad:
    apiVersion: rbac.authorization.k8s.io/v1
    kind: Role
    metadata: {name: web}
    rules:
      - {apiGroups: [""], resources: [configmaps], verbs: ["*"]}

Good:
    apiVersion: rbac.authorization.k8s.io/v1
    kind: Role
    metadata: {name: web}
    rules:
      - {apiGroups: [""], resources: [configmaps], verbs: [get, list, watch]}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit, listed
from thwart.rules.kubernetes import Object, object_rule
from thwart.rules.kubernetes._rbac import grants


@object_rule(
    Severity.MEDIUM, "cis-kubernetes:5.1.3", "nsa:authentication", covered_by=("wildcard-role", "role-changing-role")
)
def all_verbs_role(one: Object) -> Iterator[Hit]:
    """Roles and ClusterRoles, each rule by itself."""
    for grant in grants(one):
        if "*" in grant.words("verbs"):
            what = listed(grant.words("resources") or grant.words("nonResourceURLs"))
            yield grant.hit(f"may do everything to {what or 'nothing'}", "verbs")
