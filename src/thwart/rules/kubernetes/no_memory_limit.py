"""A container has no limit of memory.

A container without a limit takes all memory of its node when it leaks or is made to. The kernel then kills what it
finds, which may be a neighbour.

Fix: Set `resources.limits.memory` a little above what the program is seen to use.

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
          resources: {limits: {memory: 256Mi}}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Pod, pod_rule
from thwart.rules.kubernetes._edits import resource


@pod_rule(Severity.MEDIUM, "nsa:pod-security", "nist-800-190:4.4.3")
def no_memory_limit(pod: Pod) -> Iterator[Hit]:
    """Ordinary containers and those that run beside them; a pod's own resources are for all of its containers."""
    for container in pod.containers:
        if not container.long_running:
            continue
        if not (container.has("resources", "limits", "memory") or pod.spec.has("resources", "limits", "memory")):
            yield resource(container, "has no limit of memory", "limits", "memory")
