"""This version of the API is to be removed.

A later version of Kubernetes serves it no more. Whoever changes it now does not have to at the upgrade.

Fix: Use the version of the API that takes its place; where the schema is the same, that is the whole change. No edit
is offered where it is not.

Bad:
    apiVersion: v1
    kind: Endpoints
    metadata: {name: web}
    subsets: []

Good:
    apiVersion: discovery.k8s.io/v1
    kind: EndpointSlice
    metadata: {name: web}
    addressType: IPv4
    endpoints: []
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.core.edit import Put
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Object, object_rule
from thwart.rules.kubernetes._versions import gone


@object_rule(Severity.LOW)
def deprecated_api(one: Object) -> Iterator[Hit]:
    """Deprecated in the version that the check is for, and still served by it."""
    known = gone(one.api, one.kind)
    if known is None or not known.since <= one.minor < known.removed:
        return
    until = f", and 1.{known.removed} removes it" if known.removed < 99 else ""
    hit = one.hit(
        f"uses {one.api}, which is deprecated since 1.{known.since}{until}; use {known.instead}", "apiVersion"
    )
    move = Put(pointer=(*one.pointer, "apiVersion"), value=known.instead)
    yield hit.mended(move, safe=True) if known.same else hit
