"""A node may go on with an image that has long been replaced.

The tag may point to another image at every push, but the policy lets a node run what it once pulled: the corrected
image does not arrive, and whoever put another one on the node has it run.

Fix: Name the image by its digest, or set `imagePullPolicy: Always`.

Bad:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - name: web
          image: registry.example.test/web:latest
          imagePullPolicy: IfNotPresent

Good:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - name: web
          image: registry.example.test/web:latest
          imagePullPolicy: Always
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.core.edit import Put
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Pod, pod_rule

_MOVING = frozenset({"latest", "main", "master", "edge", "nightly", "dev", "stable"})


@pod_rule(Severity.LOW, "cis-kubernetes:1.2.11")
def stale_image_policy(pod: Pod) -> Iterator[Hit]:
    """Tags that move: none, latest, main and the like. A policy that is not stated is Always for latest."""
    for container in pod.containers:
        name = container.text("image").rpartition("/")[2]
        tag = name.partition(":")[2] or "latest"
        if container.text("imagePullPolicy") in ("IfNotPresent", "Never") and "@" not in name and tag in _MOVING:
            put = Put(pointer=(*container.pointer, "imagePullPolicy"), value="Always")
            yield container.hit(f"may run an old image of the tag {tag}", "imagePullPolicy").mended(put)
