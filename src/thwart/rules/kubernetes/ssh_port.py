"""A container is open for SSH.

A shell server in a container is a second way in, with keys and passwords of its own, past the API server and its log.

Fix: Remove the server, and use `kubectl exec` or `kubectl debug`, which the API server authorises and records. No
edit is offered: the server is in the image.

Bad:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - name: web
          image: registry.example.test/web:1.2
          ports: [{containerPort: 22}]

Good:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - name: web
          image: registry.example.test/web:1.2
          ports: [{containerPort: 8080}]
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Pod, pod_rule


@pod_rule(Severity.MEDIUM, "nist-800-190:4.4.4")
def ssh_port(pod: Pod) -> Iterator[Hit]:
    """Port 22 over TCP."""
    for container in pod.containers:
        for port in container.entries("ports"):
            if port.number("containerPort") == 22 and port.text("protocol") in ("", "TCP"):
                yield Hit((*port.pointer, "containerPort"), "listens on port 22", container.part)
