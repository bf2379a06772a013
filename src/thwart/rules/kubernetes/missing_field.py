"""A field that is required is missing.

The API server refuses the object, so that what is running stays as it was.

Fix: Add the field. No edit is offered: its value is not known.

Bad:
    apiVersion: v1
    kind: Service
    metadata: {name: web}
    spec:
      selector: {app: web}
      ports: [{name: http}]

Good:
    apiVersion: v1
    kind: Service
    metadata: {name: web}
    spec:
      selector: {app: web}
      ports: [{port: 80}]
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Object, object_rule
from thwart.rules.kubernetes._objects import pods


@object_rule(Severity.MEDIUM)
def missing_field(one: Object) -> Iterator[Hit]:
    """Kinds of Kubernetes' own, from 1.25 to 1.37; those of operators have schemas of their own."""
    if one.partial or any(pod.partial for pod in pods(one)) or "$patch" in one.mapping():
        return
    for mistake in one.mistakes:
        if mistake.kind == "missing":
            yield Hit(mistake.pointer, mistake.phrase)
