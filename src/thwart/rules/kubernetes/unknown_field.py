"""A field is not part of the API.

The API server drops it without a word, or refuses the object where validation is strict. What the field was to do,
often a limit or a protection, is not done.

Fix: Write the field as the API names it, at the place where the API has it. No edit is offered: what was meant is not
certain.

Bad:
    apiVersion: v1
    kind: Service
    metadata: {name: web}
    spec:
      selector: {app: web}
      prots: [{port: 80}]

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
def unknown_field(one: Object) -> Iterator[Hit]:
    """Kinds of Kubernetes' own, from 1.25 to 1.37; those of operators have schemas of their own."""
    for mistake in one.mistakes:
        if mistake.kind == "unknown":
            yield Hit(mistake.pointer, mistake.phrase)
