"""A pod is handed a token for the API server.

Unless it is forbidden, every pod gets a token of its service account. Programs that never speak to the API server do
not need it; whoever takes them over does.

Fix: Set `automountServiceAccountToken: false` in the pod, or where the program needs the API, give it a service
account with the least role and accept this finding.

Bad:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - name: web
          image: registry.example.test/web:1.2

Good:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      automountServiceAccountToken: false
      containers:
        - name: web
          image: registry.example.test/web:1.2
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Pod, pod_rule
from thwart.rules.kubernetes._edits import put

_FIELD = "automountServiceAccountToken"


@pod_rule(Severity.MEDIUM, "cis-kubernetes:5.1.6", "nsa:authentication", confidence="medium")
def service_account_token(pod: Pod) -> Iterator[Hit]:
    """What a service account says is not looked at: the pod's own word is what counts last."""
    stated = pod.spec.flag(_FIELD)
    if stated is None:
        hit = pod.spec.hit("does not say whether it needs a token for the API server", _FIELD)
        yield hit.mended(put(pod.spec, False, _FIELD))
    elif stated and pod.spec.text("serviceAccountName") in ("", "default"):
        hit = pod.spec.hit("mounts a token of the default service account", _FIELD)
        yield hit.mended(put(pod.spec, False, _FIELD))
