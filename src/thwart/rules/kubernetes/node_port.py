"""A Service opens a port on every node.

A port of type NodePort is open on all addresses of all nodes, past firewalls that only know the load balancer, and
often past network policies.

Fix: Make it a ClusterIP behind an Ingress or a Gateway.

Bad:
    apiVersion: v1
    kind: Service
    metadata: {name: web}
    spec:
      ports: [{port: 80}]
      type: NodePort

Good:
    apiVersion: v1
    kind: Service
    metadata: {name: web}
    spec:
      ports: [{port: 80}]
      type: ClusterIP
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Object, object_rule
from thwart.rules.kubernetes._edits import drop, put


@object_rule(Severity.MEDIUM, "nsa:network")
def node_port(one: Object) -> Iterator[Hit]:
    """Services of the core API."""
    if one.kind == "Service" and one.api == "v1" and one.text("spec", "type") == "NodePort":
        numbers = [drop(port, "nodePort") for port in one.entries("spec", "ports") if port.has("nodePort")]
        inside = put(one, "ClusterIP", "spec", "type")
        yield one.hit("opens a port on every node", "spec", "type").mended(inside, *numbers)
