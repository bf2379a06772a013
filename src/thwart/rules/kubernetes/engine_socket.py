"""A pod mounts the socket of the container engine.

Whoever may speak with the engine may start a privileged container: the socket is root on the node, read-only mount or
not.

Fix: Remove the volume. Build images without an engine (BuildKit rootless, kaniko), and read what containers do from
the API server. No edit is offered: what uses the socket has to be done otherwise.

Bad:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - name: web
          image: registry.example.test/web:1.2
      volumes:
        - name: engine
          hostPath: {path: /var/run/docker.sock}

Good:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - name: web
          image: registry.example.test/web:1.2
      volumes:
        - name: engine
          emptyDir: {}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Pod, pod_rule

_SOCKETS = ("docker.sock", "containerd.sock", "crio.sock", "cri-dockerd.sock", "dockershim.sock", "podman.sock")

_FOLDERS = ("/run/containerd", "/run/crio", "/run/docker", "/run/podman", "/run/k3s/containerd")  # of the sockets


@pod_rule(Severity.CRITICAL, "cis-docker:5.32", "nsa:pod-security", "nist-800-190:4.4.4")
def engine_socket(pod: Pod) -> Iterator[Hit]:
    """The socket, or the engine's own folder that holds it; one above is host-path's and sensitive-host-path's."""
    for volume in pod.spec.entries("volumes"):
        path = volume.text("hostPath", "path").rstrip("/")
        part = f"volume {volume.text('name')[:100]}"
        if path.rpartition("/")[2] in _SOCKETS:
            yield volume.hit(f"is the engine's socket {path[:200]}", "hostPath", part=part)
        elif path.removeprefix("/var") in _FOLDERS:
            yield volume.hit(f"holds the engine's socket in {path[:200]}", "hostPath", part=part)
