"""A role is bound to everybody.

system:anonymous and system:unauthenticated are whoever reaches the API server; system:authenticated is every account
of the cluster, those of pods among them, and with some providers every account of the provider.

Fix: Bind the role to the service accounts, users or groups that need it. No edit is offered: who needs the role its
author knows.

Bad:
    apiVersion: rbac.authorization.k8s.io/v1
    kind: ClusterRoleBinding
    metadata: {name: web}
    roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
    subjects:
      - {kind: Group, name: system:unauthenticated, namespace: shop}

Good:
    apiVersion: rbac.authorization.k8s.io/v1
    kind: ClusterRoleBinding
    metadata: {name: web}
    roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
    subjects:
      - {kind: Group, name: shop-operators, namespace: shop}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit, View
from thwart.rules.kubernetes import Object, object_rule

_OWN = frozenset(  # made by the API server and by kubeadm
    {
        *("system:basic-user", "system:discovery", "system:public-info-viewer"),
        *("system:service-account-issuer-discovery", "kubeadm:bootstrap-signer-clusterinfo"),
    }
)
_EVERYBODY = ("system:anonymous", "system:unauthenticated", "system:authenticated", "system:serviceaccounts")


@object_rule(Severity.CRITICAL, "cis-kubernetes:5.1.7", "nsa:authentication")
def anonymous_binding(one: Object) -> Iterator[Hit]:
    """Users and groups; the cluster's own bindings are left to whoever runs it."""
    if one.kind not in ("ClusterRoleBinding", "RoleBinding") or one.text("metadata", "name") in _OWN:
        return
    for subject in one.entries("subjects"):
        if subject.text("name") in _EVERYBODY and subject.text("kind") in ("User", "Group"):
            yield _hit(subject)


def _hit(subject: View) -> Hit:
    return subject.hit(f"gives its role to {subject.text('name')}", "name")
