"""A database or a debugger is published.

Databases, queues, caches, debuggers and the engine's own port trust whoever reaches them more than the open network
deserves. Most need no port of the host at all: their clients are on the same network.

Fix: Take the port away, or put `127.0.0.1:` before it.

Bad:
    services:
      web:
        image: registry.example.test/web:1.2
        ports: ["5432:5432"]

Good:
    services:
      web:
        image: registry.example.test/web:1.2
        ports: ["127.0.0.1:5432:5432"]
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.container import Container, container_rule
from thwart.rules.container._ports import inner, to_localhost


@container_rule(Severity.HIGH, "cis-docker:5.9", "cis-docker:5.14", "nist-800-190:4.4.3", confidence="medium")
def published_inner_port(container: Container) -> Iterator[Hit]:
    """Ports by their registered use; the container's side counts."""
    for said in container.ports:
        service = inner(said.value)
        if service and not said.value.local:
            place = "every interface" if said.value.everywhere else said.value.address[:60]
            phrase = f"leads to {service} and is published on {place}"
            yield container.hit(said, phrase, *to_localhost(container, said))
