"""A namespace does not enforce a Pod Security Standard.

Where no standard is enforced, whoever may create pods may create privileged ones, and with them take the node.

Fix: Add the label `pod-security.kubernetes.io/enforce: restricted`, or `baseline` where that is not possible yet.

Bad:
    apiVersion: v1
    kind: Namespace
    metadata:
      name: shop

Good:
    apiVersion: v1
    kind: Namespace
    metadata:
      name: shop
      labels: {pod-security.kubernetes.io/enforce: restricted}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit, listed
from thwart.rules.kubernetes import Object, object_rule
from thwart.rules.kubernetes._edits import put

_LABEL = "pod-security.kubernetes.io/enforce"


@object_rule(Severity.MEDIUM, "cis-kubernetes:5.2.1", "nsa:pod-security")
def unguarded_namespace(one: Object) -> Iterator[Hit]:
    """Namespaces of the cluster's own are left to whoever runs it."""
    if one.kind != "Namespace" or one.api != "v1" or one.text("metadata", "name").startswith("kube-"):
        return
    level = one.mapping("metadata", "labels").get(_LABEL)
    strict = put(one, "restricted", "metadata", "labels", _LABEL)
    if level is None:
        yield one.hit("enforces no Pod Security Standard", "metadata", "labels", _LABEL).mended(strict)
    elif level not in ("baseline", "restricted"):
        yield one.hit(f"enforces {listed([str(level)])}", "metadata", "labels", _LABEL).mended(strict)
