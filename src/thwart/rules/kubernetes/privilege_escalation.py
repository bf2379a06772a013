"""A container may gain privileges that it did not start with.

Unless it is forbidden, a program with the setuid bit or with file capabilities gives whoever runs it more rights than the
container's own user has. sudo, mount and old copies of many tools are such programs.

Fix: Set `allowPrivilegeEscalation: false` in the container's security context.

Bad:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - {name: web, image: "registry.example.test/web:1.2"}

Good:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - name: web
          image: registry.example.test/web:1.2
          securityContext: {allowPrivilegeEscalation: false}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Pod, pod_rule
from thwart.rules.kubernetes._edits import put

_PATH = ("securityContext", "allowPrivilegeEscalation")


@pod_rule(
    Severity.MEDIUM,
    "pss:allowPrivilegeEscalation",
    "cis-kubernetes:5.2.6",
    "nsa:pod-security",
    covered_by=("privileged-container",),
)
def privilege_escalation(pod: Pod) -> Iterator[Hit]:
    """Pod Security Standards, restricted, from 1.8 on; pods for Windows are exempt from 1.25 on."""
    if pod.windows:
        return
    for container in pod.containers:
        stated = container.flag(*_PATH)
        if stated is not False:
            phrase = "allows privilege escalation" if stated else "does not forbid privilege escalation"
            hit = container.hit(phrase, *_PATH)
            forced = {"SYS_ADMIN", "CAP_SYS_ADMIN"}.intersection(
                container.words("securityContext", "capabilities", "add")
            )
            yield hit if forced else hit.mended(put(container, False, *_PATH))  # the API server refuses both together
