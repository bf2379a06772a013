"""A container sees all of /proc.

By default the engine hides the parts of /proc that tell of the host or change it, such as /proc/kcore and
/proc/sysrq-trigger. `procMount: Unmasked` shows them; only in a user namespace is that harmless to the host.

Fix: Remove `procMount`, or set `hostUsers: false` beside it.

Bad:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - name: web
          image: registry.example.test/web:1.2
          securityContext: {procMount: Unmasked}

Good:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      hostUsers: false
      containers:
        - name: web
          image: registry.example.test/web:1.2
          securityContext: {procMount: Unmasked}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Pod, pod_rule
from thwart.rules.kubernetes._proc import unmasked


@pod_rule(Severity.MEDIUM, "pss:procMount")
def unmasked_proc(pod: Pod) -> Iterator[Hit]:
    """Pod Security Standards, baseline; from 1.35 on, pods in a user namespace are exempt."""
    if not (pod.minor >= 35 and pod.user_namespace):
        yield from unmasked(pod)
