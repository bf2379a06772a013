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
from thwart.rules._view import Hit, View
from thwart.rules.kubernetes import Related, related_rule


@related_rule(Severity.LOW, confidence="medium")
def ingress_without_service(one: Related) -> Iterator[Hit]:
    """Only where Services of its namespace are among the files; ports too, of Services that are."""
    if one.kind != "Ingress" or not one.api.startswith(("networking.k8s.io/", "extensions/")):
        return
    services: dict[str, list[Related]] = {}
    for service in one.world.near("Service", one.namespace):
        services.setdefault(service.text("metadata", "name"), []).append(service)
    old = one.api.endswith("/v1beta1")
    for backend in _backends(one) if services else ():
        steps = ("serviceName",) if old else ("service", "name")
        name = backend.text(*steps)
        if name and name not in services:
            yield backend.hit(f"leads to the Service {name[:80]}, which is in none of the files", *steps)
        elif name and not old:
            yield from _port(backend, services[name])


def _backends(one: Related) -> Iterator[View]:
    yield one.under("spec", "defaultBackend")
    yield one.under("spec", "backend")  # before networking.k8s.io/v1
    for entry in one.entries("spec", "rules"):
        yield from (path.under("backend") for path in entry.entries("http", "paths"))


def _port(backend: View, services: list[Related]) -> Iterator[Hit]:
    """A port of the backend that none of the Services of its name has; one without ports has whatever its kind gives it."""
    for field, key in (("name", "name"), ("number", "port")):
        wanted = backend.at("service", "port", field)
        had = [
            port.get(key) for service in services for port in service.values("spec", "ports") if isinstance(port, dict)
        ]
        if wanted is not None and had and wanted not in had:
            yield backend.hit(
                f"leads to the port {str(wanted)[:80]}, which its Service does not have", "service", "port"
            )
