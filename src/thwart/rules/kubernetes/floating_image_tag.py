"""A container runs an image whose tag floats.

Without a tag, or with `latest`, a restart brings whatever was pushed last: nobody has tested it, a scan of yesterday
says nothing of it, and there is nothing to go back to.

Fix: Name a version, better with its digest: `image: registry.example.test/web:1.2@sha256:…`. No edit is offered:
which version is wanted is not written.

Bad:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - {name: web, image: "registry.example.test/web:latest"}

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


@pod_rule(Severity.MEDIUM, "nsa:supply-chain", "nist-800-190:4.1.5")
def floating_image_tag(pod: Pod) -> Iterator[Hit]:
    """A digest makes any tag firm."""
    for container in pod.containers:
        image = container.text("image")
        if not image or "@" in image or "$" in image:
            continue
        _, _, tag = image.rpartition("/")[2].partition(":")
        if tag in ("", "latest"):
            yield container.hit(f"runs {image[:200]}, which {'floats' if tag else 'has no tag'}", "image")
