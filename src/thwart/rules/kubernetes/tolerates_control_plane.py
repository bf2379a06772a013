"""A workload may run on the nodes of the control plane.

There it stands beside the API server and etcd: whoever breaks out of it has the keys of the cluster.

Fix: Name the taints that are meant, by key. No edit is offered: which those are is not written.

Bad:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      tolerations: [{operator: Exists}]
      containers:
        - name: web
          image: registry.example.test/web:1.2

Good:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      tolerations: [{key: gpu, operator: Exists}]
      containers:
        - name: web
          image: registry.example.test/web:1.2
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Pod, pod_rule

_KEYS = frozenset({"node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"})


@pod_rule(Severity.LOW, confidence="medium")
def tolerates_control_plane(pod: Pod) -> Iterator[Hit]:
    """DaemonSets are left out: those of networks and logs run everywhere on purpose."""
    if pod.object.kind == "DaemonSet" or pod.object.namespace == "kube-system":
        return
    for one in pod.spec.entries("tolerations"):
        key = one.text("key")
        if key in _KEYS or (not key and one.text("operator") == "Exists"):
            yield Hit(one.pointer, f"tolerates {key or 'every taint'}")
