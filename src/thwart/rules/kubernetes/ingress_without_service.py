"""An Ingress leads to a Service that is not there.

Whoever may create a Service of that name gets what the world sends to the host.

Fix: Name the Service that is meant, or remove the path. No edit is offered: either may be right.

Bad:
    apiVersion: v1
    kind: Service
    metadata: {name: web}
    spec:
      ports: [{port: 80}]
    ---
    apiVersion: networking.k8s.io/v1
    kind: Ingress
    metadata: {name: web}
    spec:
      tls: [{hosts: [shop.example.test], secretName: shop-tls}]
      rules:
        - host: shop.example.test
          http:
            paths:
              - {path: /, pathType: Prefix, backend: {service: {name: wbe, port: {number: 80}}}}

Good:
    apiVersion: v1
    kind: Service
    metadata: {name: web}
    spec:
      ports: [{port: 80}]
    ---
    apiVersion: networking.k8s.io/v1
    kind: Ingress
    metadata: {name: web}
    spec:
      tls: [{hosts: [shop.example.test], secretName: shop-tls}]
      rules:
        - host: shop.example.test
          http:
            paths:
              - {path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Related, related_rule


@related_rule(Severity.LOW, confidence="medium")
def ingress_without_service(one: Related) -> Iterator[Hit]:
    """Only where Services of its namespace are among the files."""
    if one.kind != "Ingress" or not one.api.startswith("networking.k8s.io/"):
        return
    services = {service.text("metadata", "name") for service in one.world.near("Service", one.namespace)}
    if not services:
        return
    backends = [one.under("spec", "defaultBackend")]
    for entry in one.entries("spec", "rules"):
        backends += [path.under("backend") for path in entry.entries("http", "paths")]
    for backend in backends:
        name = backend.text("service", "name")
        if name and name not in services:
            yield Hit(
                (*backend.pointer, "service", "name"),
                f"leads to the Service {name[:80]}, which is in none of the files",
            )
