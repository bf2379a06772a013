"""A container has no request for memory.

Without a request the scheduler puts the pod anywhere, and it is the first to be evicted when memory runs short. A limit alone
is a request of the same size.

Fix: Set `resources.requests.memory` to what the program usually uses.

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
          resources: {requests: {memory: 128Mi}}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Pod, pod_rule
from thwart.rules.kubernetes._edits import resource


@pod_rule(Severity.LOW)
def no_memory_request(pod: Pod) -> Iterator[Hit]:
    """Ordinary containers and those that run beside them; a pod's own resources are for all of its containers."""
    for container in pod.containers:
        if not container.long_running:
            continue
        if not any(
            view.has("resources", key, "memory") for view in (container, pod.spec) for key in ("requests", "limits")
        ):
            yield resource(container, "has no request for memory", "requests", "memory")
