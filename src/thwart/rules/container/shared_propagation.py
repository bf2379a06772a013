"""A container's mounts spread to the host.

With shared propagation what the container mounts appears on the host and in other containers, over their own folders.

Fix: Take the propagation away: private is the default. No edit is offered: what relies on it must be changed too.

Bad:
    services:
      web:
        image: registry.example.test/web:1.2
        volumes: ["/mnt/media:/media:shared"]

Good:
    services:
      web:
        image: registry.example.test/web:1.2
        volumes: ["/mnt/media:/media:rslave"]
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.container import Container, container_rule


@container_rule(Severity.MEDIUM, "cis-docker:5.20")
def shared_propagation(container: Container) -> Iterator[Hit]:
    """Slave propagation goes one way, into the container."""
    for said in container.mounts:
        if said.value.propagation in ("shared", "rshared"):
            yield container.hit(said, "shares what is mounted in it with the host")
