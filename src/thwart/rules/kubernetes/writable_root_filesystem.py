"""A container can write to its root file system.

Whoever takes the program over can leave tools behind and change the program itself. A read-only root takes that away;
what has to be written goes to a volume.

Fix: Set `readOnlyRootFilesystem: true` in the container's security context, and mount an emptyDir where the program
writes.

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
          securityContext: {readOnlyRootFilesystem: true}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Pod, pod_rule
from thwart.rules.kubernetes._edits import put

_PATH = ("securityContext", "readOnlyRootFilesystem")


@pod_rule(Severity.MEDIUM, "nsa:pod-security", "nist-800-190:4.4.4")
def writable_root_filesystem(pod: Pod) -> Iterator[Hit]:
    """All containers but those that a person adds for debugging; Windows has no such thing."""
    if pod.windows:
        return
    for container in pod.containers:
        if container.kind != "ephemeralContainers" and not container.flag(*_PATH):
            yield container.hit("can write to its root file system", *_PATH).mended(put(container, True, *_PATH))
