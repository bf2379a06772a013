"""An annotation of an Ingress puts text into the configuration of the proxy.

Whoever may write an Ingress so runs code in the controller and reads its token, which reads every secret of the
cluster (CVE-2021-25742). Where the value of an address or a name goes on in a new line, that line is configuration too
(CVE-2025-1097, CVE-2025-1098, CVE-2025-24514).

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

_NGINX = "nginx.ingress.kubernetes.io/"
_ONE_LINE = ("auth-url", "auth-tls-match-cn", "mirror-target", "mirror-host")


@object_rule(Severity.HIGH)
def snippet_annotation(one: Object) -> Iterator[Hit]:
    """Annotations of ingress-nginx that hold configuration or code."""
    if one.kind != "Ingress":
        return
    for name, value in one.mapping("metadata", "annotations").items():
        if not name.startswith(_NGINX):
            continue
        if name.endswith("-snippet") or "lua" in name:
            yield one.hit(f"has {name[:100]}", "metadata", "annotations", name)
        elif name.removeprefix(_NGINX) in _ONE_LINE and isinstance(value, str) and len(value.strip().splitlines()) > 1:
            yield one.hit(f"has {name[:100]} with more than one line", "metadata", "annotations", name)
