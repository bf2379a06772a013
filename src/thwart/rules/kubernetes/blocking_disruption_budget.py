"""A PodDisruptionBudget lets no pod go.

A node with such a pod can never be drained, so that it is not updated either: known holes of its kernel stay open.

Fix: Set `maxUnavailable: 1`, or `minAvailable` below the number of replicas.

Bad:
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: web}
    spec:
      replicas: 2
      selector: {matchLabels: {app: web}}
      template:
        metadata: {labels: {app: web}}
        spec:
          containers:
            - {name: web, image: "registry.example.test/web:1.2"}
    ---
    apiVersion: policy/v1
    kind: PodDisruptionBudget
    metadata: {name: web}
    spec:
      minAvailable: 2
      selector: {matchLabels: {app: web}}

Good:
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: web}
    spec:
      replicas: 2
      selector: {matchLabels: {app: web}}
      template:
        metadata: {labels: {app: web}}
        spec:
          containers:
            - {name: web, image: "registry.example.test/web:1.2"}
    ---
    apiVersion: policy/v1
    kind: PodDisruptionBudget
    metadata: {name: web}
    spec:
      maxUnavailable: 1
      selector: {matchLabels: {app: web}}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.core.edit import Drop, Put
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Related, related_rule


@related_rule(Severity.LOW)
def blocking_disruption_budget(one: Related) -> Iterator[Hit]:
    """By its own words, or beside the replicas of what it selects."""
    if one.kind != "PodDisruptionBudget" or not one.api.startswith("policy/"):
        return
    least, most = one.at("spec", "minAvailable"), one.at("spec", "maxUnavailable")
    chosen = one.world.selected(one.namespace, one.at("spec", "selector"))
    replicas = [work.replicas for work in chosen if work.replicas]
    if most in (0, "0", "0%"):
        field = "maxUnavailable"
    elif least == "100%" or (isinstance(least, int) and len(replicas) == len(chosen) == 1 and least >= replicas[0]):
        field = "minAvailable"
    else:
        return
    put = Put(pointer=(*one.pointer, "spec", "maxUnavailable"), value=1)
    drop = [Drop(pointer=(*one.pointer, "spec", "minAvailable"))] if least is not None else []
    yield one.hit("lets no pod be evicted", "spec", field).mended(*drop, put)
