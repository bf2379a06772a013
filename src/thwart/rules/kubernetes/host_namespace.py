"""A pod shares a namespace of the host.

In the host's network a pod is behind no network policy and reaches what listens on the node's loopback; in its process
or IPC namespace it sees, signals and reads the processes of all others.

Fix: Remove `hostNetwork`, `hostPID` and `hostIPC`. What must see the node belongs into a namespace of its own that few may use.

Bad:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      hostPID: true
      containers:
        - {name: web, image: "registry.example.test/web:1.2"}

Good:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - {name: web, image: "registry.example.test/web:1.2"}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Pod, pod_rule
from thwart.rules.kubernetes._edits import drop

_NAMESPACES = {"hostNetwork": "network", "hostPID": "process", "hostIPC": "IPC"}


@pod_rule(
    Severity.HIGH,
    "pss:hostNamespaces",
    "cis-kubernetes:5.2.3",
    "cis-kubernetes:5.2.4",
    "cis-kubernetes:5.2.5",
    "nsa:pod-security",
)
def host_namespace(pod: Pod) -> Iterator[Hit]:
    """Pod Security Standards, baseline, every version."""
    for key, word in _NAMESPACES.items():
        if pod.spec.flag(key):
            yield pod.spec.hit(f"shares the host's {word} namespace", key).mended(drop(pod.spec, key))
