"""A NetworkPolicy protects no pod.

Its selector chooses none of the pods in its namespace, so that those that it was written for are as open as before.

Fix: Make `podSelector` the labels of the pods that are meant. No edit is offered: which those are is not written.

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
from thwart.rules.kubernetes import Related, related_rule


@related_rule(Severity.MEDIUM, "cis-kubernetes:5.3.2", confidence="medium")
def network_policy_without_pods(one: Related) -> Iterator[Hit]:
    """Only where workloads of its namespace are among the files; an empty selector is for pods to come."""
    selector = one.at("spec", "podSelector")
    if one.kind != "NetworkPolicy" or not one.api.startswith("networking.k8s.io/") or not selector:
        return
    if one.world.workloads_in(one.namespace) and not one.world.selected(one.namespace, selector):
        yield one.hit("protects no pod of these files", "spec", "podSelector")
