"""No NetworkPolicy selects a pod, though its namespace has some.

A pod that no policy selects may be reached by every pod of the cluster and may reach everything. Where other pods of
the namespace are selected, this one was most likely forgotten.

Fix: Add a NetworkPolicy that selects no pod in particular and allows nothing, and those that allow what is needed:
`thwart net synth` writes them. No edit is offered here: it would cut traffic that this rule does not know.

Bad:
    apiVersion: v1
    kind: Pod
    metadata: {name: web, namespace: shop, labels: {app: web}}
    spec:
      containers:
        - {name: web, image: "registry.example.test/web:1.2"}
    ---
    apiVersion: networking.k8s.io/v1
    kind: NetworkPolicy
    metadata: {name: web, namespace: shop}
    spec:
      podSelector: {matchLabels: {app: wbe}}
      policyTypes: [Ingress, Egress]

Good:
    apiVersion: v1
    kind: Pod
    metadata: {name: web, namespace: shop, labels: {app: web}}
    spec:
      containers:
        - {name: web, image: "registry.example.test/web:1.2"}
    ---
    apiVersion: networking.k8s.io/v1
    kind: NetworkPolicy
    metadata: {name: web, namespace: shop}
    spec:
      podSelector: {matchLabels: {app: web}}
      policyTypes: [Ingress, Egress]
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Workload, workload_rule
from thwart.rules.kubernetes._world import chooses


@workload_rule(Severity.MEDIUM, "cis-kubernetes:5.3.2", "nsa:network", confidence="medium")
def unprotected_pod(work: Workload) -> Iterator[Hit]:
    """Jobs' pods too. Only where the files hold a NetworkPolicy for the very namespace: others may be kept elsewhere."""
    policies = [one for one in work.world.near("NetworkPolicy", work.namespace) if one.namespace == work.namespace]
    if (
        (work.runs or work.kind in ("Job", "CronJob"))
        and policies
        and not any(chooses(one.at("spec", "podSelector"), work.labels) for one in policies)
    ):
        yield work.hit("is selected by no NetworkPolicy of its namespace", "metadata", "labels")
