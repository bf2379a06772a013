"""A probe or lifecycle hook asks another host than the pod.

The kubelet makes these requests from the node. A `host` in them lets whoever writes the pod reach, from there, what a
network policy keeps from the pod: the node's loopback, metadata services, other namespaces.

Fix: Remove `host`, so that the request goes to the pod.

Bad:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - name: web
          image: registry.example.test/web:1.2
          livenessProbe:
            httpGet: {host: 169.254.169.254, port: 80}

Good:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - name: web
          image: registry.example.test/web:1.2
          livenessProbe:
            httpGet: {port: 80}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit, listed
from thwart.rules.kubernetes import Pod, pod_rule
from thwart.rules.kubernetes._edits import drop

_HANDLERS = (
    ("livenessProbe",),
    ("readinessProbe",),
    ("startupProbe",),
    ("lifecycle", "postStart"),
    ("lifecycle", "preStop"),
)


@pod_rule(Severity.MEDIUM, "pss:hostProbesAndHostLifecycle")
def probe_of_other_host(pod: Pod) -> Iterator[Hit]:
    """Pod Security Standards, baseline, from 1.34 on."""
    for container in pod.containers:
        for steps in _HANDLERS:
            for kind in ("httpGet", "tcpSocket") if container.has(*steps) else ():
                host = container.text(*steps, kind, "host")
                if host:
                    hit = container.hit(f"has a {steps[-1]} that asks {listed([host])}", *steps, kind, "host")
                    yield hit.mended(drop(container, *steps, kind, "host"))
