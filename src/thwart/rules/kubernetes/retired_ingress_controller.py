"""A retired Ingress controller runs in the cluster.

The project ingress-nginx ended in March 2026: holes that are found since are not mended.

Fix: Remove it and use what took its place. No edit is offered: it is a change of how one works.

Bad:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - name: web
          image: registry.example.test/ingress-nginx/controller:v1.9

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


@pod_rule(Severity.MEDIUM, confidence="medium")
def retired_ingress_controller(pod: Pod) -> Iterator[Hit]:
    """By the name of the image."""
    for container in pod.containers:
        image = container.text("image").partition("@")[0]
        if "ingress-nginx/controller" in image or "nginx-ingress-controller" in image:
            yield container.hit("runs it", "image")
