"""A container speaks to an engine without TLS.

An engine that listens on TCP without TLS takes orders from everybody who reaches the port, and an order is root on
its host.

Fix: Use port 2376 with `DOCKER_TLS_VERIFY`, or a proxy that allows only the calls that are made. No edit is offered:
the engine's side must change too.

Bad:
    services:
      web:
        image: registry.example.test/web:1.2
        environment:
          DOCKER_HOST: tcp://docker:2375

Good:
    services:
      web:
        image: registry.example.test/web:1.2
        environment:
          DOCKER_HOST: tcp://docker:2376
          DOCKER_TLS_VERIFY: "1"
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.container import Container, container_rule


@container_rule(Severity.HIGH, "cis-docker:2.7")
def engine_over_network(container: Container) -> Iterator[Hit]:
    """DOCKER_TLS_VERIFY with any value asks for TLS."""
    given = {said.value.name: said for said in container.environment}
    host, verify = given.get("DOCKER_HOST"), given.get("DOCKER_TLS_VERIFY")
    if (
        host is not None
        and (host.value.value or "").startswith(("tcp://", "http://"))
        and not (verify and verify.value.value != "")
    ):
        yield container.hit(
            host,
            f"uses the engine at {(host.value.value or '')[:80]} without TLS",
            hidden="@" in (host.value.value or ""),
        )
