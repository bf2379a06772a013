"""A container is privileged.

A privileged container has every capability, every device of the host and no seccomp or AppArmor profile. Whoever takes
it over has the node, and with it the secrets of all that runs there.

Fix: Remove `privileged: true`. Grant the one capability or device that the program needs instead.

Bad:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - name: web
          image: registry.example.test/web:1.2
          securityContext: {privileged: true}

Good:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - name: web
          image: registry.example.test/web:1.2
          securityContext: {privileged: false}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Pod, pod_rule
from thwart.rules.kubernetes._edits import put


@pod_rule(Severity.CRITICAL, "pss:privileged", "cis-kubernetes:5.2.2", "nsa:pod-security", "nist-800-190:4.4.4")
def privileged_container(pod: Pod) -> Iterator[Hit]:
    """Pod Security Standards, baseline, every version."""
    for container in pod.containers:
        if container.flag("securityContext", "privileged"):
            yield container.hit("is privileged", "securityContext", "privileged").mended(
                put(container, False, "securityContext", "privileged")
            )
