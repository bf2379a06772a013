"""A container uses the host's network.

It sees all of the host's traffic, reaches what listens on localhost only, and listens on every address itself; no
network of the engine and no published port stands between.

Fix: Take the host's network away and publish the ports that are needed. No edit is offered: which ports these are,
the program knows.

Bad:
    services:
      web:
        image: registry.example.test/web:1.2
        network_mode: host

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


@container_rule(Severity.HIGH, "cis-docker:5.10", "nist-800-190:4.4.2")
def host_network(container: Container) -> Iterator[Hit]:
    """In Compose a network called `host` is one of the project, unless it is external."""
    said = container.network_mode
    if said is not None and said.value == "host":
        yield container.hit(said, "uses the host's network")
    elif any(one.value == "host" for one in container.networks) and container.origin != "compose":
        yield container.hit(next(one for one in container.networks if one.value == "host"), "uses the host's network")
