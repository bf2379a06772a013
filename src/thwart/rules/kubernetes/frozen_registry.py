"""A container runs an image of a registry that is frozen.

k8s.gcr.io gets no new images and no fixes any more, and may be switched off.

Fix: Replace `k8s.gcr.io` by `registry.k8s.io`.

Bad:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - {name: web, image: "k8s.gcr.io/pause:3.9"}

Good:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - {name: web, image: "registry.k8s.io/pause:3.9"}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Pod, pod_rule
from thwart.rules.kubernetes._edits import put

_FROZEN = ("k8s.gcr.io/", "gcr.io/google-containers/", "gcr.io/google_containers/")


@pod_rule(Severity.MEDIUM)
def frozen_registry(pod: Pod) -> Iterator[Hit]:
    """Kubernetes' own former registries."""
    for container in pod.containers:
        image = container.text("image")
        old = next((prefix for prefix in _FROZEN if image.startswith(prefix)), "")
        if old:
            moved = put(container, f"registry.k8s.io/{image.removeprefix(old)}", "image")
            yield container.hit(f"runs {image[:200]}, from a registry that is frozen", "image").mended(moved)
