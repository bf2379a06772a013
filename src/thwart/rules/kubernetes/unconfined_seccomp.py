"""A pod switches seccomp off.

Without a filter a container may call everything in the kernel, also what no program needs and what defects were found in
again and again: keyctl, userfaultfd, io_uring.

Fix: Make the seccomp profile `RuntimeDefault`.

Bad:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      securityContext:
        seccompProfile: {type: Unconfined}
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

_POD = "seccomp.security.alpha.kubernetes.io/pod"
_CONTAINER = "container.seccomp.security.alpha.kubernetes.io/"


@pod_rule(Severity.HIGH, "pss:seccompProfile_baseline", "cis-kubernetes:5.6.2", "nsa:pod-security")
def unconfined_seccomp(pod: Pod) -> Iterator[Hit]:
    """Pod Security Standards, baseline: annotations before 1.19, fields from 1.19 on."""
    if pod.minor < 19:
        yield from _annotations(pod)
        return
    for view in (pod.spec, *pod.containers):
        if wrong(view):
            yield view.hit(f"has the seccomp profile {listed([view.text(*PATH, 'type')])}", *PATH, "type").mended(
                put(view, {"type": "RuntimeDefault"}, *PATH)
            )


def _annotations(pod: Pod) -> Iterator[Hit]:
    """The pod's, and those of containers that it has."""
    stated = pod.mapping("metadata", "annotations")
    for key in dict.fromkeys((_POD, *(f"{_CONTAINER}{container.name}" for container in pod.containers))):
        if key in stated and not _allowed(stated[key]):
            yield pod.hit(f"has the seccomp profile {listed([str(stated[key])])}", "metadata", "annotations", key)


def _allowed(value: object) -> bool:
    return isinstance(value, str) and (value in ("runtime/default", "docker/default") or value.startswith("localhost/"))
