"""An Ingress answers for every host.

It takes the traffic of hosts that nobody gave away yet, also those of other teams.

Fix: Name in `host` the hosts that are meant. No edit is offered: which those are is not written.

Bad:
    apiVersion: networking.k8s.io/v1
    kind: Ingress
    metadata:
      name: web

    spec:
      tls: [{hosts: [shop.example.test], secretName: shop-tls}]
      rules: [{host: "*"}]

Good:
    apiVersion: networking.k8s.io/v1
    kind: Ingress
    metadata:
      name: web

    spec:
      tls: [{hosts: [shop.example.test], secretName: shop-tls}]
      rules: [{host: shop.example.test}]
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Object, object_rule


@object_rule(Severity.LOW, confidence="medium")
def wildcard_ingress(one: Object) -> Iterator[Hit]:
    """A rule without a host, or with nothing but an asterisk."""
    if one.kind != "Ingress" or not one.api.startswith("networking.k8s.io/"):
        return
    for entry in one.entries("spec", "rules"):
        if entry.text("host") in ("", "*"):
            yield Hit((*entry.pointer, "host"), "answers for every host")
