"""An autoscaler scales what is not there.

The workload that it names is in none of the files, so that load is answered by nobody.

Fix: Name in `scaleTargetRef` the workload that is meant. No edit is offered: which one that is is not written.

Bad:
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: web}
    spec:
      selector: {matchLabels: {app: web}}
      template:
        metadata: {labels: {app: web}}
        spec:
          containers:
            - {name: web, image: "registry.example.test/web:1.2"}
    ---
    apiVersion: autoscaling/v2
    kind: HorizontalPodAutoscaler
    metadata: {name: web}
    spec:
      maxReplicas: 5
      scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: wbe}

Good:
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: web}
    spec:
      selector: {matchLabels: {app: web}}
      template:
        metadata: {labels: {app: web}}
        spec:
          containers:
            - {name: web, image: "registry.example.test/web:1.2"}
    ---
    apiVersion: autoscaling/v2
    kind: HorizontalPodAutoscaler
    metadata: {name: web}
    spec:
      maxReplicas: 5
      scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Related, related_rule


@related_rule(Severity.LOW, confidence="medium")
def autoscaler_without_target(one: Related) -> Iterator[Hit]:
    """Only where workloads of that kind are among the files of its namespace."""
    kind, name = one.text("spec", "scaleTargetRef", "kind"), one.text("spec", "scaleTargetRef", "name")
    if one.kind != "HorizontalPodAutoscaler" or not one.api.startswith("autoscaling/"):
        return
    names = {work.own_name for work in one.world.workloads_in(one.namespace) if work.kind == kind}
    if names and name not in names:
        yield one.hit(f"scales {kind[:80]} {name[:80]}, which is in none of the files", "spec", "scaleTargetRef")
