"""A persistent volume is a part of the host that gives the host away.

Whoever has its claim has the folder: what a namespace's Pod Security Standard says of the host's paths is asked of pods, not
of the volumes behind their claims.

Fix: Use a driver for local storage, or a folder that holds nothing but the volume's data. No edit is offered: which
folder that is, is not written.

Bad:
    apiVersion: v1
    kind: PersistentVolume
    metadata: {name: data}
    spec:
      capacity: {storage: 1Gi}
      accessModes: [ReadWriteOnce]
      hostPath: {path: /etc}

Good:
    apiVersion: v1
    kind: PersistentVolume
    metadata: {name: data}
    spec:
      capacity: {storage: 1Gi}
      accessModes: [ReadWriteOnce]
      hostPath: {path: /srv/data}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Object, object_rule
from thwart.rules.kubernetes._paths import sensitive


@object_rule(Severity.HIGH, "cis-kubernetes:5.2.11", "nsa:pod-security")
def sensitive_persistent_volume(one: Object) -> Iterator[Hit]:
    """Those of the kinds hostPath and local, by the same folders as sensitive-host-path."""
    for kind in ("hostPath", "local") if one.kind == "PersistentVolume" else ():
        path = sensitive(one.text("spec", kind, "path"))
        if path:
            yield one.hit(f"is the host's {path[:200]}", "spec", kind, "path")
