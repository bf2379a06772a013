"""A container adds a capability beyond those that a container engine grants by default.

Each of these lets the container's root do to the host or to its neighbours what only the host's root may: SYS_ADMIN
mounts file systems, SYS_PTRACE reads memory, NET_ADMIN and NET_RAW rewrite and forge traffic.

Fix: Remove the capability from `capabilities.add`. If the program cannot do without, give it to a small program of its own.

Bad:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - name: web
          image: registry.example.test/web:1.2
          securityContext:
            capabilities: {add: [NET_RAW, SYS_PTRACE]}

Good:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - name: web
          image: registry.example.test/web:1.2
          securityContext:
            capabilities: {drop: [ALL], add: [NET_BIND_SERVICE]}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit, listed
from thwart.rules.kubernetes import Pod, pod_rule
from thwart.rules.kubernetes._edits import HARMLESS, without


@pod_rule(
    Severity.HIGH,
    "pss:capabilities_baseline",
    "cis-kubernetes:5.2.8",
    "cis-kubernetes:5.2.9",
    "nsa:pod-security",
)
def added_capability(pod: Pod) -> Iterator[Hit]:
    """Pod Security Standards, baseline, every version: the default set of engines without NET_RAW, as it is written."""
    for container in pod.containers:
        added = [one for one in container.words("securityContext", "capabilities", "add") if one not in HARMLESS]
        if added:
            yield container.hit(f"adds {listed(added)}", "securityContext", "capabilities", "add").mended(
                without(container)
            )
