"""A pod mounts a path of the host that holds its secrets or steers it.

The host's /etc, /proc, /root or /var/lib/kubelet hold credentials of the node and of every pod on it, or let whoever
writes there run programs as root.

Fix: Remove the volume, or mount the one file that is needed, read-only. No edit is offered: what the program reads
there only its author knows.

Bad:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - name: web
          image: registry.example.test/web:1.2
      volumes:
        - name: etc
          hostPath: {path: /etc}

Good:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - name: web
          image: registry.example.test/web:1.2
      volumes:
        - name: etc
          emptyDir: {}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Pod, pod_rule

_BELOW = (
    "/etc",
    "/proc",
    "/sys",
    "/dev",
    "/boot",
    "/root",
    "/var/lib/kubelet",
    "/var/lib/docker",
    "/var/lib/containerd",
)
_EXACTLY = ("", "/home", "/var", "/var/lib", "/run", "/var/run", "/usr", "/lib", "/bin", "/sbin", "/opt")

_HARMLESS = (  # told by host-path all the same
    *("/etc/localtime", "/etc/timezone", "/etc/machine-id", "/etc/os-release", "/etc/hostname", "/etc/hosts"),
    *("/etc/resolv.conf", "/etc/ssl/certs", "/etc/ca-certificates", "/etc/pki/tls/certs", "/etc/pki/ca-trust"),
    *("/dev/dri", "/dev/fuse", "/dev/net/tun", "/dev/null", "/dev/log", "/dev/vfio", "/dev/infiniband"),
)


@pod_rule(Severity.CRITICAL, "cis-kubernetes:5.2.11", "nsa:pod-security")
def sensitive_host_path(pod: Pod) -> Iterator[Hit]:
    """Paths without their last slashes; `..` is refused by the API server. For reading, every container has a /sys."""
    for volume in pod.spec.entries("volumes"):
        stated = volume.text("hostPath", "path")
        path = "/" + "/".join(part for part in stated.split("/") if part not in ("", "."))
        if not stated or _under(path, _HARMLESS) or (_under(path, ("/sys",)) and _only_read(pod, volume.text("name"))):
            continue
        if path.rstrip("/") in _EXACTLY or _under(path, _BELOW):
            yield volume.hit(f"is the host's {path[:200]}", "hostPath", part=f"volume {volume.text('name')[:100]}")


def _under(path: str, folders: tuple[str, ...]) -> bool:
    return any(path == one or path.startswith(f"{one}/") for one in folders)


def _only_read(pod: Pod, name: str) -> bool:
    """Whether every container that mounts the volume mounts it for reading."""
    mounts = [one for container in pod.containers for one in container.entries("volumeMounts")]
    return all(one.flag("readOnly") for one in mounts if one.text("name") == name)
