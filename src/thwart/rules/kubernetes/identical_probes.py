"""Liveness and readiness are the same probe.

A container that is only busy is killed for it, and its load falls on the others, until all are down.

Fix: Give readiness a probe of its own, or liveness more patience. No edit is offered: what shows that a program is
dead its author knows.

Bad:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - name: web
          image: registry.example.test/web:1.2
          livenessProbe: {httpGet: {path: /, port: 80}}
          readinessProbe: {httpGet: {path: /, port: 80}}

Good:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - name: web
          image: registry.example.test/web:1.2
          livenessProbe: {httpGet: {path: /, port: 80}, failureThreshold: 10}
          readinessProbe: {httpGet: {path: /, port: 80}}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Pod, pod_rule


@pod_rule(Severity.NEGLIGIBLE)
def identical_probes(pod: Pod) -> Iterator[Hit]:
    """Word for word."""
    for container in pod.containers:
        probe = container.at("livenessProbe")
        if probe and probe == container.at("readinessProbe"):
            yield container.hit("has one probe for liveness and readiness", "livenessProbe")
