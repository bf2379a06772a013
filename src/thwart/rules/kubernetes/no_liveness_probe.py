"""A container that hangs is not restarted.

A program that no longer answers, but has not ended, keeps its place for ever unless a liveness probe asks it.

Fix: Add a `livenessProbe` that fails only when a restart helps. No edit is offered: how to ask the program its author
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
              livenessProbe: {httpGet: {path: /alive, port: 8080}}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Pod, pod_rule


@pod_rule(Severity.LOW)
def no_liveness_probe(pod: Pod) -> Iterator[Hit]:
    """Ordinary containers of pods that run for ever."""
    for container in pod.containers if pod.endless else ():
        if container.kind == "containers" and not container.has("livenessProbe"):
            yield container.hit("has no liveness probe", "livenessProbe")
