"""A Service is open to the world through a load balancer.

A load balancer of a cloud has a public address unless it is told otherwise, and lets everybody in unless it is told
whom.

Fix: Set `loadBalancerSourceRanges`, or the annotation that makes the load balancer internal. No edit is offered: who
may connect, and which cloud it is, is not written.

Bad:
    apiVersion: v1
    kind: Service
    metadata: {name: web}
    spec:
      ports: [{port: 80}]
      type: LoadBalancer

Good:
    apiVersion: v1
    kind: Service
    metadata: {name: web}
    spec:
      ports: [{port: 80}]
      type: LoadBalancer
      loadBalancerSourceRanges: [192.0.2.0/24]
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Object, object_rule

_WORLD = frozenset({"0.0.0.0/0", "::/0"})


@object_rule(Severity.MEDIUM, "nsa:network", confidence="medium")
def open_load_balancer(one: Object) -> Iterator[Hit]:
    """Annotations that say internal or private, of whatever provider, are believed."""
    if one.kind != "Service" or one.api != "v1" or one.text("spec", "type") != "LoadBalancer":
        return
    annotations = one.mapping("metadata", "annotations").items()
    if any(
        ("internal" in key or "scheme" in key or "load-balancer-type" in key) and _inside(value)
        for key, value in annotations
    ):
        return
    ranges = one.words("spec", "loadBalancerSourceRanges")
    if not ranges or _WORLD.intersection(ranges):
        yield one.hit("is open to the world", "spec", "loadBalancerSourceRanges" if ranges else "type")


def _inside(value: object) -> bool:
    return str(value).lower() in ("true", "internal", "private", "intranet", "0.0.0.0/0")
