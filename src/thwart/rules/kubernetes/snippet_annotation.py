"""An annotation of an Ingress puts text into the configuration of the proxy.

Whoever may write an Ingress so runs code in the controller and reads its token, which reads every secret of the
cluster (CVE-2021-25742).

Fix: Remove the annotation, and set `allow-snippet-annotations: false` in the controller. No edit is offered: what the
text does has to be done otherwise.

Bad:
    apiVersion: networking.k8s.io/v1
    kind: Ingress
    metadata:
      name: web
      annotations: {nginx.ingress.kubernetes.io/server-snippet: 'return 200;'}
    spec:
      tls: [{hosts: [shop.example.test], secretName: shop-tls}]
      rules: [{host: shop.example.test}]

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


@object_rule(Severity.HIGH)
def snippet_annotation(one: Object) -> Iterator[Hit]:
    """Annotations of ingress-nginx that hold configuration or code."""
    if one.kind != "Ingress":
        return
    for name in one.mapping("metadata", "annotations"):
        if name.startswith("nginx.ingress.kubernetes.io/") and (name.endswith("-snippet") or "lua" in name):
            yield one.hit(f"has {name[:100]}", "metadata", "annotations", name)
