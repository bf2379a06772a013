"""A container holds the engine's socket.

Whoever writes to the engine's socket starts a privileged container with the host's disk in it: the container is root
on the host. Mounting it for reading changes nothing of that.

Fix: Take the mount away; give what needs the engine a proxy that allows only the calls it makes, or a rootless engine
of its own.

Bad:
    services:
      web:
        image: registry.example.test/web:1.2
        volumes: ["/var/run/docker.sock:/var/run/docker.sock:ro"]

Good:
    services:
      web:
        image: registry.example.test/web:1.2
        volumes: ["data:/data"]
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.container import Container, container_rule
from thwart.rules.container._paths import is_engine_socket, is_socket
from thwart.rules.container._settings import remove


@container_rule(Severity.CRITICAL, "cis-docker:5.32", "nist-800-190:4.4.4")
def mounted_engine_socket(container: Container) -> Iterator[Hit]:
    """Compose's `use_api_socket` mounts it too, with the user's credentials."""
    for said in container.mounts:
        found = said.value
        if is_engine_socket(found.path or found.source) or (found.kind == "bind" and is_socket(found.target)):
            way = "is" if is_socket(found.source) or is_socket(found.target) else "holds"
            yield container.hit(
                said, f"{way} the engine's socket: the host's {found.source[:120]}", remove("mounts", said)
            )
    if container.api_socket is not None and container.api_socket.value:
        given = container.api_socket
        yield container.hit(given, "is given the engine's socket and credentials", remove("api_socket", given))
