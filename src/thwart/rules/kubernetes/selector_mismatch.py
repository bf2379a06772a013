"""A workload does not select the pods that it makes.

The API server refuses it, so that what is running stays as it was.

Fix: Make `spec.selector.matchLabels` labels of the template. No edit is offered: either side may be right.

Bad:
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: web}
    spec:
      selector: {matchLabels: {app: wbe}}
      template:
        metadata: {labels: {app: web}}
        spec:
          containers:
            - {name: web, image: "registry.example.test/web:1.2"}

Good:
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: web}
    spec:
      selector: {matchLabels: {app: web}}
      template:
        metadata: {labels: {app: web}}
        spec:
          containers:
            - {name: web, image: "registry.example.test/web:1.2"}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Object, object_rule
from thwart.rules.kubernetes._world import chooses


@object_rule(Severity.MEDIUM)
def selector_mismatch(one: Object) -> Iterator[Hit]:
    """Workloads of the group apps."""
    selector = one.at("spec", "selector")
    if one.api != "apps/v1" or not isinstance(selector, dict) or not one.has("spec", "template") or one.partial:
        return
    if not chooses(selector, one.mapping("spec", "template", "metadata", "labels")):
        yield one.hit("does not select the pods of its own template", "spec", "selector")
