"""A port that belongs to the system is published.

Ports below 1024 are where clients expect the host's own services; a container there speaks in the host's name.

Fix: Publish a port above 1023 and let the host's proxy lead to it; accept this finding for the proxy itself. No edit
is offered: those who connect have to be told the other port.

Bad:
    services:
      web:
        image: registry.example.test/web:1.2
        ports: ["25:2525"]

Good:
    services:
      web:
        image: registry.example.test/web:1.2
        ports: ["2525:2525", "443:8443"]
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.container import Container, container_rule


@container_rule(Severity.NEGLIGIBLE, "cis-docker:5.8")
def low_host_port(container: Container) -> Iterator[Hit]:
    """80 and 443 are what a web server is for."""
    for said in container.ports:
        first, last = said.value.published
        if 0 < first < 1024 and not {first, last} <= {80, 443}:
            yield container.hit(said, "is one below 1024")
