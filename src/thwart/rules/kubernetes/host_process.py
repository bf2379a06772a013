"""A container runs as a process of a Windows host.

A HostProcess container is no container: it runs in the host's own file system and network with the rights of the account
that it names, often SYSTEM.

Fix: Remove `windowsOptions.hostProcess`. What administers nodes belongs into a namespace of its own that few may use.

Bad:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      hostNetwork: true
      os: {name: windows}
      containers:
        - name: web
          image: registry.example.test/web:1.2
          securityContext:
            windowsOptions: {hostProcess: true}

Good:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      os: {name: windows}
      containers:
        - name: web
          image: registry.example.test/web:1.2
          securityContext:
            windowsOptions: {hostProcess: false}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Pod, pod_rule
from thwart.rules.kubernetes._edits import put

_PATH = ("securityContext", "windowsOptions", "hostProcess")


@pod_rule(Severity.HIGH, "pss:windowsHostProcess", "cis-kubernetes:5.2.10")
def host_process(pod: Pod) -> Iterator[Hit]:
    """Pod Security Standards, baseline, every version."""
    for view in (pod.spec, *pod.containers):
        if view.flag(*_PATH):
            yield view.hit("runs as a process of the host", *_PATH).mended(put(view, False, *_PATH))
