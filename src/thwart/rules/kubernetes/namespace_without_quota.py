"""A namespace has no quota.

Whoever may create objects there, by mistake or on purpose, may fill the cluster with them and starve all others.

Fix: Add a ResourceQuota for pods, CPU and memory, and a LimitRange for the defaults. No edit is offered: the numbers
are the cluster's.

Bad:
    apiVersion: v1
    kind: Namespace
    metadata:
      name: shop
      labels: {pod-security.kubernetes.io/enforce: restricted}

Good:
    apiVersion: v1
    kind: Namespace
    metadata:
      name: shop
      labels: {pod-security.kubernetes.io/enforce: restricted}
    ---
    apiVersion: v1
    kind: ResourceQuota
    metadata: {name: shop, namespace: shop}
    spec:
      hard: {pods: "50", requests.memory: 16Gi}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Related, related_rule


@related_rule(Severity.NEGLIGIBLE, "cis-kubernetes:5.6.1", confidence="medium")
def namespace_without_quota(one: Related) -> Iterator[Hit]:
    """Namespaces that the files make, but the cluster's own."""
    name = one.text("metadata", "name")
    if one.kind != "Namespace" or one.api != "v1" or name.startswith("kube-") or not name:
        return
    if not any(quota.namespace == name for quota in one.world.of("ResourceQuota", "LimitRange")):
        yield one.hit("has neither ResourceQuota nor LimitRange", "metadata", "name")
