"""A container shares the host's memory segments.

Shared memory and semaphores of the host's programs, databases among them, can be read and written from the container.

Fix: Give the container an IPC namespace of its own, which is the default. It is no safe fix: a program that was given
it on purpose, such as a monitor, fails without.

Bad:
    services:
      web:
        image: registry.example.test/web:1.2
        ipc: host

Good:
    services:
      web:
        image: registry.example.test/web:1.2
        read_only: true
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.container import Container, container_rule
from thwart.rules.container._settings import remove


@container_rule(Severity.HIGH, "cis-docker:5.17", "nist-800-190:4.4.2")
def host_ipc(container: Container) -> Iterator[Hit]:
    """CIS Docker 5.17."""
    said = container.ipc
    if said is not None and said.value == "host":
        yield container.hit(said, "shares the host's IPC namespace", remove("ipc", said))
