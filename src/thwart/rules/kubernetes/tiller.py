"""Helm 2's server runs in the cluster.

Tiller takes orders from every pod, without asking who it is, and mostly has all rights. It has had no corrections
since 2020.

Fix: Remove it and use what took its place. No edit is offered: it is a change of how one works.

Bad:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - name: web
          image: registry.example.test/tiller:v2.16

Good:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - name: web
          image: registry.example.test/web:1.2
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Pod, pod_rule


@pod_rule(Severity.CRITICAL)
def tiller(pod: Pod) -> Iterator[Hit]:
    """By the name of the image, and by the labels that Helm 2 gave it, whatever its image is called."""
    for container in pod.containers:
        image = container.text("image").partition("@")[0]
        if image.rpartition("/")[2].partition(":")[0] == "tiller":
            yield container.hit("runs it", "image")
            return
    labels = pod.mapping("metadata", "labels")
    if labels.get("app") == "helm" and labels.get("name") == "tiller":
        yield pod.hit("runs it, by its labels", "metadata", "labels")
