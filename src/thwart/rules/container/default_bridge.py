"""A container is on the engine's default network.

All containers without a network of their own meet on `docker0`, reach each other's every port by address, and have no
names there.

Fix: Give the container a network of its own. No edit is offered: which containers belong on it, only their maker
knows.

Bad:
    services:
      web:
        image: registry.example.test/web:1.2
        network_mode: bridge

Good:
    services:
      web:
        image: registry.example.test/web:1.2
        networks: [inner]
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.container import Container, container_rule


@container_rule(Severity.LOW, "cis-docker:5.30")
def default_bridge(container: Container) -> Iterator[Hit]:
    """Compose makes a network for every project, so that only `bridge` is a finding there."""
    said = container.network_mode
    if said is not None and said.value in ("bridge", "default"):
        yield container.hit(said, "is on the engine's default network")
    elif said is None and not container.networks:
        yield from container.lacks(("network_mode", "networks"), "is on the engine's default network")
