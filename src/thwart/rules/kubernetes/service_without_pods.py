"""A Service selects no pod.

Whoever later runs a pod with these labels gets the traffic; until then it goes nowhere, and what was meant to be
reached is not.

Fix: Make `spec.selector` the labels of the pods that are meant. No edit is offered: which those are is not written.

Bad:
    apiVersion: v1
    kind: Pod
    metadata: {name: web, labels: {app: web}}
    spec:
      containers:
        - {name: web, image: "registry.example.test/web:1.2", ports: [{name: http, containerPort: 8080}]}
    ---
    apiVersion: v1
    kind: Service
    metadata: {name: web}
    spec:
      selector: {app: wbe}
      ports: [{port: 80, targetPort: http}]

Good:
    apiVersion: v1
    kind: Pod
    metadata: {name: web, labels: {app: web}}
    spec:
      containers:
        - {name: web, image: "registry.example.test/web:1.2", ports: [{name: http, containerPort: 8080}]}
    ---
    apiVersion: v1
    kind: Service
    metadata: {name: web}
    spec:
      selector: {app: web}
      ports: [{port: 80, targetPort: http}]
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Related, related_rule


@related_rule(Severity.LOW, confidence="medium")
def service_without_pods(one: Related) -> Iterator[Hit]:
    """Only where workloads of its namespace are among the files."""
    selector = one.mapping("spec", "selector")
    if one.kind != "Service" or one.api != "v1" or not selector or not one.world.workloads_in(one.namespace):
        return
    if not one.world.selected(one.namespace, {"matchLabels": selector}):
        yield one.hit("selects no pod of these files", "spec", "selector")
