"""Kubernetes' dashboard runs in the cluster.

It has been the way into many clusters: whoever reaches it acts with its rights. Its project was retired.

Fix: Remove it and use what took its place. No edit is offered: it is a change of how one works.

Bad:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - name: web
          image: registry.example.test/kubernetesui/dashboard:v2.7

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


@pod_rule(Severity.LOW, confidence="medium")
def dashboard(pod: Pod) -> Iterator[Hit]:
    """By the name of the image."""
    for container in pod.containers:
        image = container.text("image").partition("@")[0]
        if "kubernetesui/dashboard" in image or "kubernetes-dashboard" in image:
            yield container.hit("runs it", "image")
