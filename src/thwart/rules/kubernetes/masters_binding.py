"""A binding is for the group system:masters.

The API server asks no role about members of this group: they may do everything, and no binding can be taken from
them. A certificate with it cannot be revoked.

Fix: Bind cluster-admin to a group of your own, and keep system:masters for emergencies. No edit is offered: which
group is not written.

Bad:
    apiVersion: rbac.authorization.k8s.io/v1
    kind: ClusterRoleBinding
    metadata: {name: web}
    roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
    subjects: [{kind: Group, apiGroup: rbac.authorization.k8s.io, name: 'system:masters'}]

Good:
    apiVersion: rbac.authorization.k8s.io/v1
    kind: ClusterRoleBinding
    metadata: {name: web}
    roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
    subjects: [{kind: Group, apiGroup: rbac.authorization.k8s.io, name: operators}]
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Object, object_rule


@object_rule(Severity.MEDIUM, "cis-kubernetes:5.1.7")
def masters_binding(one: Object) -> Iterator[Hit]:
    """The API server's own binding, cluster-admin, is left out."""
    if one.kind not in ("ClusterRoleBinding", "RoleBinding") or one.text("metadata", "name") == "cluster-admin":
        return
    for subject in one.entries("subjects"):
        if subject.text("kind") == "Group" and subject.text("name") == "system:masters":
            yield Hit(subject.pointer, "is for the group system:masters")
