"""A container has no seccomp profile.

Kubernetes runs containers without a seccomp filter unless a profile is asked for. The engine's own profile keeps away
some hundred system calls that attacks on the kernel use and programs do not.

Fix: Set `seccompProfile: {type: RuntimeDefault}` in the pod's security context.

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
      securityContext:
        seccompProfile: {type: RuntimeDefault}
      containers:
        - {name: web, image: "registry.example.test/web:1.2"}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit, listed
from thwart.rules.kubernetes import Pod, pod_rule
from thwart.rules.kubernetes._edits import put
from thwart.rules.kubernetes._seccomp import PATH, wrong


@pod_rule(
    Severity.MEDIUM,
    "pss:seccompProfile_restricted",
    "cis-kubernetes:5.6.2",
    "nsa:pod-security",
    covered_by=("unconfined-seccomp", "privileged-container"),
)
def missing_seccomp_profile(pod: Pod) -> Iterator[Hit]:
    """Pod Security Standards, restricted, from 1.19 on; pods for Windows are exempt from 1.25 on."""
    if pod.windows:
        return
    for view in (pod.spec, *pod.containers):
        if wrong(view):
            yield view.hit(f"has the seccomp profile {listed([view.text(*PATH, 'type')])}", *PATH, "type").mended(
                put(view, {"type": "RuntimeDefault"}, *PATH)
            )
    if pod.spec.has(*PATH) and not wrong(pod.spec):
        return
    for container in pod.containers:
        if not container.has(*PATH):
            profile = put(pod.spec, {"type": "RuntimeDefault"}, *PATH)
            yield container.hit("has no seccomp profile, nor does its pod", *PATH).mended(profile)
