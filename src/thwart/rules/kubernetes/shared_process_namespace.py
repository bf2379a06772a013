"""The containers of a pod see each other's processes.

Each may stop the others, read their environment with the secrets in it, and reach their files through /proc.

Fix: Remove `shareProcessNamespace: true`.

Bad:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      shareProcessNamespace: true
      containers:
        - {name: web, image: "registry.example.test/web:1.2"}
        - {name: log, image: "registry.example.test/log:1.2"}

Good:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      shareProcessNamespace: false
      containers:
        - {name: web, image: "registry.example.test/web:1.2"}
        - {name: log, image: "registry.example.test/log:1.2"}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.core.edit import Drop
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Pod, pod_rule


@pod_rule(Severity.LOW, "nsa:pod-security")
def shared_process_namespace(pod: Pod) -> Iterator[Hit]:
    """Of no concern for pods with one container."""
    if pod.spec.flag("shareProcessNamespace") and len(pod.containers) != 1:
        drop = Drop(pointer=(*pod.spec.pointer, "shareProcessNamespace"))
        yield pod.spec.hit("lets its containers see each other's processes", "shareProcessNamespace").mended(drop)
