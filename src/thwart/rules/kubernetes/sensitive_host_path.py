"""A pod mounts a path of the host that holds its secrets or steers it.

The host's /etc, /proc, /root or /var/lib/kubelet hold credentials of the node and of every pod on it, or let whoever
writes there run programs as root.

Fix: Remove the volume, or mount the one file that is needed, read-only. No edit is offered: what the program reads
there only its author knows.

Bad:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - name: web
          image: registry.example.test/web:1.2
      volumes:
        - name: etc
          hostPath: {path: /etc}

Good:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - name: web
          image: registry.example.test/web:1.2
      volumes:
        - name: etc
          emptyDir: {}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Pod, pod_rule
from thwart.rules.kubernetes._paths import sensitive, under


@pod_rule(Severity.CRITICAL, "cis-kubernetes:5.2.11", "nsa:pod-security")
def sensitive_host_path(pod: Pod) -> Iterator[Hit]:
    """Paths without their last slashes; `..` is refused by the API server. For reading, every container has a /sys."""
    for volume in pod.spec.entries("volumes"):
        path = sensitive(volume.text("hostPath", "path"))
        if path and not (under(path, ("/sys",)) and _only_read(pod, volume.text("name"))):
            yield volume.hit(f"is the host's {path[:200]}", "hostPath", part=f"volume {volume.text('name')[:100]}")


def _only_read(pod: Pod, name: str) -> bool:
    """Whether every container that mounts the volume mounts it for reading."""
    mounts = [one for container in pod.containers for one in container.entries("volumeMounts")]
    return all(one.flag("readOnly") for one in mounts if one.text("name") == name)
