"""A container has no limit of CPU time.

A container without a limit may use all processors that others do not ask for: whoever takes it over can mine there. A
limit also slows the program down when it is busy, which is why many leave it out on purpose.

Fix: Set `resources.limits.cpu`, or accept the risk where requests are set everywhere.

Bad:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - name: web
          image: registry.example.test/web:1.2

Good:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - name: web
          image: registry.example.test/web:1.2
          resources: {limits: {cpu: 500m}}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Pod, pod_rule
from thwart.rules.kubernetes._edits import resource


@pod_rule(Severity.LOW, "nsa:pod-security")
def no_cpu_limit(pod: Pod) -> Iterator[Hit]:
    """Ordinary containers and those that run beside them; a pod's own resources are for all of its containers."""
    for container in pod.containers:
        if not container.long_running:
            continue
        if not (container.has("resources", "limits", "cpu") or pod.spec.has("resources", "limits", "cpu")):
            yield resource(container, "has no limit of CPU time", "limits", "cpu")
