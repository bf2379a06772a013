"""A container takes a port of the host.

A port of the host is open on the node's own addresses, past Services and, with many network plugins, past network
policies. It also ties the pod to nodes where the port is free.

Fix: Remove `hostPort` and publish the port with a Service.

Bad:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - name: web
          image: registry.example.test/web:1.2
          ports:
            - {containerPort: 8080, hostPort: 8080}

Good:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - name: web
          image: registry.example.test/web:1.2
          ports:
            - {containerPort: 8080}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Pod, pod_rule
from thwart.rules.kubernetes._edits import drop


@pod_rule(Severity.MEDIUM, "pss:hostPorts", "cis-kubernetes:5.2.12", "nsa:network")
def host_port(pod: Pod) -> Iterator[Hit]:
    """Pod Security Standards, baseline, every version; 0 is no port."""
    for container in pod.containers:
        for port in container.entries("ports"):
            number = port.number("hostPort")
            if number:
                hit = Hit((*port.pointer, "hostPort"), f"takes the host's port {number}", container.part)
                yield hit.mended(drop(port, "hostPort"))
