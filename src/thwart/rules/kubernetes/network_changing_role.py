"""A role may change which connections are allowed, or where they end.

Who writes network policies lifts the walls between workloads; who writes the endpoints of a service leads its clients'
connections to a program of their own.

Fix: Remove the verbs, or bind the role to those few who need it. No edit is offered: what is needed its author knows.

Bad:
    apiVersion: rbac.authorization.k8s.io/v1
    kind: ClusterRole
    metadata: {name: web}
    rules:
      - {apiGroups: [networking.k8s.io], resources: [networkpolicies], verbs: [get, update, delete]}

Good:
    apiVersion: rbac.authorization.k8s.io/v1
    kind: ClusterRole
    metadata: {name: web}
    rules:
      - {apiGroups: [networking.k8s.io], resources: [networkpolicies], verbs: [get, list]}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit, listed
from thwart.rules.kubernetes import Object, object_rule
from thwart.rules.kubernetes._rbac import grants

_WRITE = {"create", "update", "patch", "delete", "deletecollection"}


@object_rule(Severity.LOW, "trivy:KSV-0056", confidence="medium")
def network_changing_role(one: Object) -> Iterator[Hit]:
    """Not Services and Ingresses, which every controller that publishes something writes."""
    for grant in grants(one):
        for resource in ("networkpolicies", "endpoints", "endpointslices"):
            verbs = grant.grants(_WRITE, resource)
            if verbs:
                yield grant.hit(f"may {listed(sorted(verbs))} {resource}", "verbs")
