"""A pod mounts a type of volume that only an administrator should hand out.

Volumes of network file systems and of clouds name servers, disks and credentials of their own. Behind a
PersistentVolumeClaim an administrator decides who may mount which; in the pod nobody does.

Fix: Mount a PersistentVolumeClaim in place of the volume. No edit is offered: the data has to be moved first.

Bad:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - {name: web, image: "registry.example.test/web:1.2"}
      volumes:
        - name: data
          nfs: {server: nfs.example.test, path: /data}

Good:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - {name: web, image: "registry.example.test/web:1.2"}
      volumes:
        - name: data
          persistentVolumeClaim: {claimName: data}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit, listed
from thwart.rules.kubernetes import Pod, pod_rule

_COMMON = frozenset(
    [
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "image",
        "persistentVolumeClaim",
        "projected",
        "secret",
    ]
)


@pod_rule(Severity.MEDIUM, "pss:restrictedVolumes", covered_by=("host-path", "sensitive-host-path", "engine-socket"))
def uncommon_volume_type(pod: Pod) -> Iterator[Hit]:
    """Pod Security Standards, restricted, every version; a volume without a type is an emptyDir (API defaults)."""
    for volume in pod.spec.entries("volumes"):
        types = [key for key, value in volume.mapping().items() if key != "name" and value is not None]
        if types and not _COMMON.intersection(types):
            yield volume.hit(f"is of type {listed(types)}", types[0], part=f"volume {volume.text('name')[:100]}")
