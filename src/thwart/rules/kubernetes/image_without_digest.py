"""A container runs an image that is not pinned by digest.

A tag is a name that whoever may push can move. A digest is the content: what was scanned and signed is what runs.

Fix: Add the digest: `image: registry.example.test/web:1.2@sha256:…`. No edit is offered: the digest is not written;
`thwart fix --lock` takes it from a lock.

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
      containers:
        - name: web
          image: registry.example.test/web:1.2@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Pod, pod_rule


@pod_rule(Severity.LOW, "nist-800-190:4.1.5", "slsa:pinned", covered_by=("floating-image-tag",))
def image_without_digest(pod: Pod) -> Iterator[Hit]:
    """Whatever the tag says."""
    for container in pod.containers:
        image = container.text("image")
        if image and "@sha256:" not in image and "@sha512:" not in image:
            yield container.hit(f"runs {image[:200]}, which a push can change", "image")
