"""A container lets people log in.

A login server in a container needs keys or passwords in it, patches of its own, and leads past whatever logs the
engine keeps.

Fix: Take the server away and use the engine's `exec`, which the engine's own rights guard. No edit is offered: the
server may be what the container is for.

Bad:
    services:
      web:
        image: registry.example.test/web:1.2
        ports: ["127.0.0.1:2222:22"]

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


@container_rule(Severity.MEDIUM, "cis-docker:5.7", confidence="medium")
def ssh_in_container(container: Container) -> Iterator[Hit]:
    """Git servers do so on purpose: accept it there."""
    for said in container.ports:
        if said.value.target == (22, 22) and said.value.protocol == "tcp":
            yield container.hit(said, "publishes the port of a login server")
    command = container.command
    if command is not None and any(one.rpartition("/")[2] in ("sshd", "dropbear") for one in command.value[:4]):
        yield container.hit(command, "runs a login server")
