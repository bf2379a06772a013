"""A pod names its service account by an old field.

The field serviceAccount is kept for old clients only. Where both are given, the other one counts.

Fix: Name the account in `serviceAccountName`.

Bad:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      serviceAccount: web
      containers:
        - name: web
          image: registry.example.test/web:1.2

Good:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      serviceAccountName: web
      containers:
        - name: web
          image: registry.example.test/web:1.2
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.core.edit import Drop, Put
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Pod, pod_rule


@pod_rule(Severity.NEGLIGIBLE)
def old_service_account_field(pod: Pod) -> Iterator[Hit]:
    """Only where the field of today is missing: the API server writes both."""
    account = pod.spec.text("serviceAccount")
    if account and not pod.spec.has("serviceAccountName"):
        base = pod.spec.pointer
        put, drop = Put(pointer=(*base, "serviceAccountName"), value=account), Drop(pointer=(*base, "serviceAccount"))
        yield pod.spec.hit("names its service account by an old field", "serviceAccount").mended(put, drop, safe=True)
