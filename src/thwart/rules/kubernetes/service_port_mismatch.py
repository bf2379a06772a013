"""A Service leads to a port that its pods do not have.

The name of the port is given by none of the containers that the Service selects, so that its traffic goes nowhere.

Fix: Name in `targetPort` a port of the container. No edit is offered: which one is meant is not written.

Bad:
    apiVersion: v1
    kind: Pod
    metadata: {name: web, labels: {app: web}}
    spec:
      containers:
        - {name: web, image: "registry.example.test/web:1.2", ports: [{name: http, containerPort: 8080}]}
    ---
    apiVersion: v1
    kind: Service
    metadata: {name: web}
    spec:
      selector: {app: web}
      ports: [{port: 80, targetPort: htttp}]

Good:
    apiVersion: v1
    kind: Pod
    metadata: {name: web, labels: {app: web}}
    spec:
      containers:
        - {name: web, image: "registry.example.test/web:1.2", ports: [{name: http, containerPort: 8080}]}
    ---
    apiVersion: v1
    kind: Service
    metadata: {name: web}
    spec:
      selector: {app: web}
      ports: [{port: 80, targetPort: http}]
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Related, related_rule


@related_rule(Severity.LOW)
def service_port_mismatch(one: Related) -> Iterator[Hit]:
    """Ports by name only: a container listens on numbers that it does not list."""
    if one.kind != "Service" or one.api != "v1" or not one.mapping("spec", "selector"):
        return
    chosen = one.world.selected(one.namespace, {"matchLabels": one.mapping("spec", "selector")})
    names = {port.get("name") for work in chosen for port in work.ports}
    for port in one.entries("spec", "ports") if chosen else ():
        wanted = port.text("targetPort")
        if wanted and not wanted.isdigit() and wanted not in names:
            yield Hit((*port.pointer, "targetPort"), f"leads to the port {wanted[:80]}, which none of its pods has")
