"""A Service claims addresses outside the cluster.

Whoever may write `externalIPs` can claim any address and receive what the cluster sends to it (CVE-2020-8554).

Fix: Remove `externalIPs`, and use a load balancer, an Ingress or a Gateway.

Bad:
    apiVersion: v1
    kind: Service
    metadata: {name: web}
    spec:
      ports: [{port: 80}]
      externalIPs: [203.0.113.7]

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
from thwart.rules._view import Hit, listed
from thwart.rules.kubernetes import Object, object_rule
from thwart.rules.kubernetes._edits import drop


@object_rule(Severity.HIGH)
def external_ips(one: Object) -> Iterator[Hit]:
    """Services of the core API."""
    if one.kind == "Service" and one.api == "v1" and one.values("spec", "externalIPs"):
        hit = one.hit(f"claims {listed(one.words('spec', 'externalIPs'))}", "spec", "externalIPs")
        yield hit.mended(drop(one, "spec", "externalIPs"))
