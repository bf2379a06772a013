"""A pod changes a setting of the kernel that is not known to be safe.

Settings that are not kept apart by namespaces change the node for everybody on it, and some of the others can starve or
attack neighbours.

Fix: Remove the setting, or make it on the nodes where everybody knows of it.

Bad:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      securityContext:
        sysctls: [{name: kernel.msgmax, value: "65536"}]
      containers:
        - {name: web, image: "registry.example.test/web:1.2"}

Good:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      securityContext:
        sysctls: [{name: net.ipv4.tcp_syncookies, value: "1"}]
      containers:
        - {name: web, image: "registry.example.test/web:1.2"}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit, listed
from thwart.rules.kubernetes import Pod, pod_rule
from thwart.rules.kubernetes._edits import drop, put

_SAFE = {  # and the minor version from which on the standard takes it for safe
    "kernel.shm_rmid_forced": 0,
    "net.ipv4.ip_local_port_range": 0,
    "net.ipv4.tcp_syncookies": 0,
    "net.ipv4.ping_group_range": 0,
    "net.ipv4.ip_unprivileged_port_start": 0,
    "net.ipv4.ip_local_reserved_ports": 27,
    "net.ipv4.tcp_keepalive_time": 29,
    "net.ipv4.tcp_fin_timeout": 29,
    "net.ipv4.tcp_keepalive_intvl": 29,
    "net.ipv4.tcp_keepalive_probes": 29,
    "net.ipv4.tcp_rmem": 32,
    "net.ipv4.tcp_wmem": 32,
    "net.ipv4.tcp_slow_start_after_idle": 37,
    "net.ipv4.tcp_notsent_lowat": 37,
}


@pod_rule(Severity.HIGH, "pss:sysctls", "nsa:pod-security")
def unsafe_sysctl(pod: Pod) -> Iterator[Hit]:
    """Pod Security Standards, baseline; the set grew in 1.27, 1.29, 1.32 and 1.37."""
    stated = pod.spec.entries("securityContext", "sysctls")
    left = [one.node for one in stated if _SAFE.get(one.text("name"), 1 << 16) <= pod.minor]
    for sysctl in stated:
        name = sysctl.text("name")
        if _SAFE.get(name, 1 << 16) > pod.minor:
            yield sysctl.hit(f"sets {listed([name])}", "name").mended(
                put(pod.spec, left, "securityContext", "sysctls")
                if left
                else drop(pod.spec, "securityContext", "sysctls")
            )
