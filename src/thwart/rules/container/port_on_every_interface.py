"""A port is published on every interface.

It is reached from every network that the host is in, and the engine opens it past the host's firewall. What only a
proxy or a developer needs is open to all.

Fix: Put the address before the port: `127.0.0.1:8080:8080`. It is no safe fix: what is meant for others cannot be
reached any more.

Bad:
    services:
      web:
        image: registry.example.test/web:1.2
        ports: ["8080:8080"]

Good:
    services:
      web:
        image: registry.example.test/web:1.2
        ports: ["127.0.0.1:8080:8080"]
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.container import Container, container_rule
from thwart.rules.container._ports import to_localhost


@container_rule(
    Severity.LOW, "cis-docker:5.14", "nist-800-190:4.4.3", confidence="medium", covered_by=("published-inner-port",)
)
def port_on_every_interface(container: Container) -> Iterator[Hit]:
    """CIS Docker 5.14; which ports are meant to be open, nobody but the reader knows."""
    for said in container.ports:
        if said.value.everywhere:
            yield container.hit(said, "is published on every interface", *to_localhost(container, said))
    if container.publish_all is not None and container.publish_all.value:
        yield container.hit(container.publish_all, "publishes every port of its image on every interface")
