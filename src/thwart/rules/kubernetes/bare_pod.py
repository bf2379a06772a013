"""A pod belongs to no workload.

When its node goes, nobody starts it again, and nobody replaces it when its image is corrected.

Fix: Put it into a Deployment, or a Job where it ends by itself. No edit is offered: which one is not written.

Bad:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - name: web
          image: registry.example.test/web:1.2

Good:
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: web}
    spec:
      selector: {matchLabels: {app: web}}
      template:
        metadata: {labels: {app: web}}
        spec:
          containers:
            - {name: web, image: "registry.example.test/web:1.2"}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Pod, pod_rule


@pod_rule(Severity.NEGLIGIBLE)
def bare_pod(pod: Pod) -> Iterator[Hit]:
    """Pods that nobody owns; static pods of the control plane are meant to be so."""
    mine = pod.object
    if mine.kind == "Pod" and not mine.values("metadata", "ownerReferences") and mine.namespace != "kube-system":
        yield pod.hit("belongs to no workload", "kind")
