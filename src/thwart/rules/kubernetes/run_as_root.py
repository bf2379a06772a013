"""A container may run as root.

Unless a pod demands otherwise, the image decides, and most images choose root. Root in a container is root to every
defect of the kernel and of the engine, and to every file of the host that is mounted.

Fix: Set `runAsNonRoot: true` in the pod's security context, and a user in the image or `runAsUser`.

Bad:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - {name: web, image: "registry.example.test/web:1.2"}

Good:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      securityContext: {runAsNonRoot: true}
      containers:
        - {name: web, image: "registry.example.test/web:1.2"}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Pod, pod_rule
from thwart.rules.kubernetes._edits import put

_PATH = ("securityContext", "runAsNonRoot")


@pod_rule(
    Severity.HIGH,
    "pss:runAsNonRoot",
    "cis-kubernetes:5.2.7",
    "nsa:pod-security",
    covered_by=("root-user-id",),
)
def run_as_root(pod: Pod) -> Iterator[Hit]:
    """Pod Security Standards, restricted; from 1.35 on, pods in a user namespace are exempt."""
    if pod.minor >= 35 and pod.user_namespace:
        return
    stated = pod.spec.flag(*_PATH)
    if stated is False:
        yield pod.spec.hit("says that it may run as root", *_PATH).mended(put(pod.spec, True, *_PATH))
    for container in pod.containers:
        own = container.flag(*_PATH)
        if own is False:
            yield container.hit("says that it may run as root", *_PATH).mended(put(container, True, *_PATH))
        elif own is None and stated is not True:
            yield container.hit("may run as root", *_PATH).mended(put(pod.spec, True, *_PATH))
