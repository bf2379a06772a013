"""A container adds a capability that is as good as root on the host.

SYS_ADMIN mounts file systems, SYS_MODULE loads code into the kernel, SYS_PTRACE and BPF read and write the memory of
others, DAC_READ_SEARCH opens any file of the host. With one of them a container is no boundary.

Fix: Remove the capability. Ask for the one thing that the program does with it: a device, a mount, a setting.

Bad:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - name: web
          image: registry.example.test/web:1.2
          securityContext:
            capabilities: {add: [SYS_ADMIN]}

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
from thwart.rules.kubernetes._edits import without

_ROOT = frozenset(
    {"ALL", "SYS_ADMIN", "SYS_MODULE", "SYS_PTRACE", "SYS_RAWIO", "SYS_BOOT", "BPF", "DAC_READ_SEARCH", "PERFMON"}
)
_PATH = ("securityContext", "capabilities", "add")


@pod_rule(Severity.CRITICAL, "cis-kubernetes:5.2.9", "nsa:pod-security")
def dangerous_capability(pod: Pod) -> Iterator[Hit]:
    """Engines take names in any case, with or without CAP_ before them."""
    for container in pod.containers:
        added = [one for one in container.words(*_PATH) if one.upper().removeprefix("CAP_") in _ROOT]
        if added:
            yield container.hit(f"adds {listed(added)}", *_PATH).mended(without(container))
