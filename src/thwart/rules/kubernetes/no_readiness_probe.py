"""A container is sent requests before it can answer them.

Without a readiness probe a pod is ready as soon as its process runs: a rollout takes the old version away before the
new one works.

Fix: Add a `readinessProbe` that asks what a client would ask. No edit is offered: how to ask the program its author
knows.

Bad:
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: web}
    spec:
      template:
        spec:
          containers:
            - name: web
              image: registry.example.test/web:1.2
              ports: [{containerPort: 8080}]

Good:
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: web}
    spec:
      template:
        spec:
          containers:
            - name: web
              image: registry.example.test/web:1.2
              ports: [{containerPort: 8080}]
              readinessProbe: {httpGet: {path: /ready, port: 8080}}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Pod, pod_rule


@pod_rule(Severity.LOW)
def no_readiness_probe(pod: Pod) -> Iterator[Hit]:
    """Containers that name a port, of pods that run for ever."""
    for container in pod.containers if pod.endless else ():
        if container.kind == "containers" and container.values("ports") and not container.has("readinessProbe"):
            yield container.hit("has no readiness probe", "readinessProbe")
