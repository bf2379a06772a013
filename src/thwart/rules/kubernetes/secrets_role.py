"""A role may read secrets.

Whoever may get, list or watch secrets has all passwords and tokens of the namespace, those of other service accounts
among them. To list is to read: the answer holds the values. So does the answer to a patch, even to one that changes
nothing, and the answer to a request to delete all of them, even to a dry run.

Fix: Grant `get` on the secrets that are needed, by `resourceNames`, or mount them. No edit is offered: what is needed
its author knows.

Bad:
    apiVersion: rbac.authorization.k8s.io/v1
    kind: Role
    metadata: {name: web}
    rules:
      - {apiGroups: [""], resources: [secrets], verbs: [list]}

Good:
    apiVersion: rbac.authorization.k8s.io/v1
    kind: Role
    metadata: {name: web}
    rules:
      - {apiGroups: [""], resources: [secrets], resourceNames: [web], verbs: [get]}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit, listed
from thwart.rules.kubernetes import Object, object_rule
from thwart.rules.kubernetes._rbac import grants

_READ = {"get", "list", "watch", "patch", "deletecollection"}


@object_rule(Severity.HIGH, "cis-kubernetes:5.1.2")
def secrets_role(one: Object) -> Iterator[Hit]:
    """Each rule by itself; with `resourceNames` it is for those secrets alone, lists and watches too."""
    for grant in grants(one):
        verbs = grant.grants(_READ, "secrets")
        if verbs and not grant.words("resourceNames"):
            yield grant.hit(f"may {listed(sorted(verbs))} secrets", "resources")
