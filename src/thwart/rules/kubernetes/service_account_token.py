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
from thwart.rules.kubernetes import Workload, workload_rule
from thwart.rules.kubernetes._edits import put

_FIELD = "automountServiceAccountToken"


@workload_rule(Severity.MEDIUM, "cis-kubernetes:5.1.6", "nsa:authentication", confidence="medium")
def service_account_token(work: Workload) -> Iterator[Hit]:
    """The pod's own word is what counts; where it says nothing, that of its service account, if the files have it."""
    if work.token is None and not _kept(work):
        told = "does not say whether it needs a token for the API server"
    elif work.token and work.account == "default":
        told = "mounts a token of the default service account"
    else:
        return
    yield work.hit(told, "spec", _FIELD).mended(put(work, False, "spec", _FIELD))


def _kept(work: Workload) -> bool:
    """Whether its service account gives no token to pods that do not ask for it."""
    accounts = work.world.accounts(work.namespace, work.account)
    return bool(accounts) and all(one.flag(_FIELD) is False for one in accounts)
