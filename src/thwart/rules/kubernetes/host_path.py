"""A pod mounts a path of the host.

What a pod writes below a path of the host stays there, and what lies there is other people's: credentials of the kubelet,
logs with secrets, programs that root runs. Even a read-only mount often is enough to take the node over.

Fix: Mount a PersistentVolumeClaim, an emptyDir or a ConfigMap in place of the hostPath. No edit is offered: which
volume takes its place, and what it has to hold, is not written.

Bad:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - {name: web, image: "registry.example.test/web:1.2"}
      volumes:
        - name: logs
          hostPath: {path: /var/log}

Good:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - {name: web, image: "registry.example.test/web:1.2"}
      volumes:
        - name: logs
          emptyDir: {}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Pod, pod_rule


@pod_rule(
    Severity.HIGH,
    "pss:hostPathVolumes",
    "cis-kubernetes:5.2.11",
    "nsa:pod-security",
    covered_by=("sensitive-host-path", "engine-socket"),
)
def host_path(pod: Pod) -> Iterator[Hit]:
    """Pod Security Standards, baseline, every version."""
    for volume in pod.spec.entries("volumes"):
        if volume.has("hostPath"):
            path = volume.text("hostPath", "path")[:200]
            yield volume.hit(f"is the host's {path or 'path'}", "hostPath", part=f"volume {volume.text('name')[:100]}")
