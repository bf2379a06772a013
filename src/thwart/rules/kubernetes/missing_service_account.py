"""A workload runs as a service account that is not there.

Its pods are not created until somebody makes the account, and then they have whatever rights that one was given.

Fix: Name an account that the files make, or add it. No edit is offered: either may be right.

Bad:
    apiVersion: v1
    kind: ServiceAccount
    metadata: {name: web, namespace: shop}
    ---
    apiVersion: v1
    kind: Pod
    metadata: {name: web, namespace: shop}
    spec:
      serviceAccountName: wbe
      containers:
        - {name: web, image: "registry.example.test/web:1.2"}

Good:
    apiVersion: v1
    kind: ServiceAccount
    metadata: {name: web, namespace: shop}
    ---
    apiVersion: v1
    kind: Pod
    metadata: {name: web, namespace: shop}
    spec:
      serviceAccountName: web
      containers:
        - {name: web, image: "registry.example.test/web:1.2"}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Workload, workload_rule


@workload_rule(Severity.LOW, confidence="low")
def missing_service_account(work: Workload) -> Iterator[Hit]:
    """Only where the files make other accounts in the very namespace."""
    accounts = {one.text("metadata", "name") for one in work.world.near("ServiceAccount", work.namespace)}
    if accounts and work.account != "default" and work.account not in accounts:
        yield work.hit(f"runs as {work.account[:80]}, which none of the files makes", "spec", "serviceAccountName")
