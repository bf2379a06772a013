"""A container sees all of /proc, even if only as nobody.

In a user namespace the parts of /proc that the engine hides cannot be written with the host's rights, but they still tell
of the host, and one defect of the kernel is enough. Nested containers need it; hardly anything else does.

Fix: Remove `procMount`.

Bad:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      hostUsers: false
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
          securityContext: {procMount: Default}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Pod, pod_rule
from thwart.rules.kubernetes._proc import unmasked


@pod_rule(Severity.LOW, "pss:procMount_restricted", covered_by=("unmasked-proc",))
def unmasked_proc_in_user_namespace(pod: Pod) -> Iterator[Hit]:
    """Pod Security Standards, restricted, from 1.35 on."""
    yield from unmasked(pod)
