"""A container runs as user 0.

User 0 is root, whatever the image says. Root in a container is root to every defect of the kernel and of the engine, and
to every file of the host that is mounted.

Fix: Make `runAsUser` the number of an ordinary user, or remove it and set `runAsNonRoot: true`.

Bad:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - name: web
          image: registry.example.test/web:1.2
          securityContext: {runAsUser: 0}

Good:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - name: web
          image: registry.example.test/web:1.2
          securityContext: {runAsUser: 10001, runAsNonRoot: true}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Pod, pod_rule
from thwart.rules.kubernetes._edits import put

_NOBODY = 65532  # the user that images without a distribution have by custom
_PATH = ("securityContext", "runAsUser")


@pod_rule(Severity.HIGH, "pss:runAsUser", "cis-kubernetes:5.2.7", "nsa:pod-security")
def root_user_id(pod: Pod) -> Iterator[Hit]:
    """Pod Security Standards, restricted, from 1.23 on; from 1.35 on, pods in a user namespace are exempt."""
    if pod.minor >= 35 and pod.user_namespace:
        return
    for view in (pod.spec, *pod.containers):
        if view.number(*_PATH) == 0:
            yield view.hit("runs as user 0", *_PATH).mended(put(view, _NOBODY, *_PATH))
