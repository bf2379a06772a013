"""A role may change admission webhooks.

Whoever may change webhooks reads every object that is made, secrets too, changes it on its way, or switches off the
checks.

Fix: Leave webhook configurations to whoever installs them. No edit is offered: what is needed its author knows.

Bad:
    apiVersion: rbac.authorization.k8s.io/v1
    kind: Role
    metadata: {name: web}
    rules:
      - {apiGroups: [admissionregistration.k8s.io], resources: [mutatingwebhookconfigurations], verbs: [update]}

Good:
    apiVersion: rbac.authorization.k8s.io/v1
    kind: Role
    metadata: {name: web}
    rules:
      - {apiGroups: [admissionregistration.k8s.io], resources: [mutatingwebhookconfigurations], verbs: [get]}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit, listed
from thwart.rules.kubernetes import Object, object_rule
from thwart.rules.kubernetes._rbac import grants


@object_rule(Severity.HIGH, "cis-kubernetes:5.1.12")
def webhook_changing_role(one: Object) -> Iterator[Hit]:
    """Roles and ClusterRoles, each rule by itself."""
    for grant in grants(one):
        changed = [kind for kind in _KINDS if grant.grants(_WRITE, kind)]
        if changed:
            yield grant.hit(f"may change {listed(changed)}", "resources")


_WRITE = {"create", "update", "patch", "delete", "deletecollection"}
_KINDS = ("mutatingwebhookconfigurations", "validatingwebhookconfigurations")
