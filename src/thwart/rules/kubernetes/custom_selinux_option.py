"""A pod chooses a SELinux user, role or an unusual type.

The type decides what of the host a container may touch. `spc_t` and types of the host's own services confine nothing, and
with another user or role a process may leave its type.

Fix: Remove `user` and `role`, and let the type be one of those for containers: container_t, container_init_t, container_kvm_t.

Bad:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      securityContext:
        seLinuxOptions: {type: spc_t}
      containers:
        - {name: web, image: "registry.example.test/web:1.2"}

Good:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      securityContext:
        seLinuxOptions: {type: container_t, level: "s0:c123,c456"}
      containers:
        - {name: web, image: "registry.example.test/web:1.2"}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit, View, listed
from thwart.rules.kubernetes import Pod, pod_rule
from thwart.rules.kubernetes._edits import drop

_TYPES = frozenset({"", "container_t", "container_init_t", "container_kvm_t"})
_TYPES_1_31 = _TYPES | {"container_engine_t"}
_PATH = ("securityContext", "seLinuxOptions")


@pod_rule(Severity.MEDIUM, "pss:seLinuxOptions", "nsa:pod-security")
def custom_selinux_option(pod: Pod) -> Iterator[Hit]:
    """Pod Security Standards, baseline; 1.31 adds a type for engines inside containers."""
    types = _TYPES_1_31 if pod.minor >= 31 else _TYPES
    for view in (pod.spec, *pod.containers):
        if view.has(*_PATH):
            yield from _judge(view, types)


def _judge(view: View, types: frozenset[str]) -> Iterator[Hit]:
    if view.text(*_PATH, "type") not in types:
        yield view.hit(f"has the SELinux type {listed([view.text(*_PATH, 'type')])}", *_PATH, "type").mended(
            drop(view, *_PATH, "type")
        )
    for key in ("user", "role"):
        if view.text(*_PATH, key):
            hit = view.hit(f"chooses the SELinux {key} {listed([view.text(*_PATH, key)])}", *_PATH, key)
            yield hit.mended(drop(view, *_PATH, key))
