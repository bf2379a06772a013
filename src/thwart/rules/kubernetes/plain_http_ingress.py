"""An Ingress serves plain HTTP.

Without TLS, passwords and sessions can be read and changed by whoever is on the way.

Fix: Add `spec.tls` with the hosts and a secret that holds the certificate. No edit is offered: the certificate has to
be there first.

Bad:
    apiVersion: networking.k8s.io/v1
    kind: Ingress
    metadata: {name: web}
    spec:
      rules: [{host: shop.example.test}]

Good:
    apiVersion: networking.k8s.io/v1
    kind: Ingress
    metadata: {name: web}
    spec:
      rules: [{host: shop.example.test}]
      tls: [{hosts: [shop.example.test], secretName: shop-tls}]
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Object, object_rule


@object_rule(Severity.HIGH, "nsa:network", confidence="medium")
def plain_http_ingress(one: Object) -> Iterator[Hit]:
    """Ingresses of the API of today; controllers that add TLS by themselves are not known here."""
    if one.kind == "Ingress" and one.api.startswith("networking.k8s.io/") and not one.values("spec", "tls"):
        yield one.hit("serves plain HTTP", "spec", "tls")
