"""A field holds something of another type.

The API server refuses the object, so that what is running stays as it was.

Fix: Write a value of the type that is asked for. No edit is offered: which value was meant is not certain.

Bad:
    apiVersion: v1
    kind: Service
    metadata: {name: web}
    spec:
      selector: {app: web}
      ports: {port: 80}

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


@object_rule(Severity.MEDIUM)
def wrong_type(one: Object) -> Iterator[Hit]:
    """Kinds of Kubernetes' own, from 1.25 to 1.37; those of operators have schemas of their own."""
    for mistake in one.mistakes:
        if mistake.kind == "type":
            yield Hit(mistake.pointer, mistake.phrase)
