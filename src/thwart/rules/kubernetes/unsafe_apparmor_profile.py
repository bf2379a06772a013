"""A pod switches AppArmor off.

On nodes with AppArmor every container has the engine's profile by default, which keeps it from writing to /proc and /sys
and from mounting. `Unconfined` takes that away.

Fix: Remove the profile, or make it `RuntimeDefault` or `Localhost`.

Bad:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      securityContext:
        appArmorProfile: {type: Unconfined}
      containers:
        - {name: web, image: "registry.example.test/web:1.2"}

Good:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      securityContext:
        appArmorProfile: {type: RuntimeDefault}
      containers:
        - {name: web, image: "registry.example.test/web:1.2"}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit, listed
from thwart.rules.kubernetes import Pod, pod_rule
from thwart.rules.kubernetes._edits import put

_PREFIX = "container.apparmor.security.beta.kubernetes.io/"
_PATH = ("securityContext", "appArmorProfile")


@pod_rule(Severity.MEDIUM, "pss:appArmorProfile", "nsa:pod-security")
def unsafe_apparmor_profile(pod: Pod) -> Iterator[Hit]:
    """Pod Security Standards, baseline: annotations and fields alike at every version."""
    for view in (pod.spec, *pod.containers):
        if view.has(*_PATH) and view.text(*_PATH, "type") not in ("RuntimeDefault", "Localhost"):
            yield view.hit(f"has the AppArmor profile {listed([view.text(*_PATH, 'type')])}", *_PATH, "type").mended(
                put(view, {"type": "RuntimeDefault"}, *_PATH)
            )
    for key, value in pod.mapping("metadata", "annotations").items():
        if key.startswith(_PREFIX) and not _allowed(value):
            yield pod.hit(f"has the AppArmor profile {listed([str(value)])}", "metadata", "annotations", key).mended(
                put(pod, "runtime/default", "metadata", "annotations", key)
            )


def _allowed(value: object) -> bool:
    return value is None or (
        isinstance(value, str) and (value in ("", "runtime/default") or value.startswith("localhost/"))
    )
