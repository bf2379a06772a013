"""An endpoint is the node itself.

A Service with such an address leads its clients to what listens only for its own node, past every policy
(CVE-2021-25737).

Fix: Remove the address. No edit is offered: an endpoint without addresses is none.

Bad:
    apiVersion: discovery.k8s.io/v1
    kind: EndpointSlice
    metadata: {name: web}
    addressType: IPv4
    endpoints: [{addresses: [127.0.0.1]}]

Good:
    apiVersion: discovery.k8s.io/v1
    kind: EndpointSlice
    metadata: {name: web}
    addressType: IPv4
    endpoints: [{addresses: [10.0.0.7]}]
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Object, object_rule


@object_rule(Severity.MEDIUM)
def loopback_endpoint(one: Object) -> Iterator[Hit]:
    """Loopback and link-local addresses in EndpointSlices and Endpoints."""
    if one.kind == "EndpointSlice":
        found = [(entry, word) for entry in one.entries("endpoints") for word in entry.words("addresses")]
    elif one.kind == "Endpoints":
        subsets = [entry for subset in one.entries("subsets") for entry in subset.entries("addresses")]
        found = [(entry, entry.text("ip")) for entry in subsets]
    else:
        return
    for entry, address in found:
        if address.startswith(("127.", "169.254.", "fe80:")) or address == "::1":
            yield Hit(entry.pointer, f"leads to {address[:60]}")
