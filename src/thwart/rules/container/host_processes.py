"""A container sees the host's processes.

It reads their environments and memory with the right capability, and kills or traces them as the same user.

Fix: Give the container a PID namespace of its own, which is the default. It is no safe fix: a program that was given
it on purpose, such as a monitor, fails without.

Bad:
    services:
      web:
        image: registry.example.test/web:1.2
        pid: host

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


@container_rule(Severity.HIGH, "cis-docker:5.16", "nist-800-190:4.4.2")
def host_processes(container: Container) -> Iterator[Hit]:
    """CIS Docker 5.16."""
    said = container.pid
    if said is not None and said.value == "host":
        yield container.hit(said, "sees the host's processes", remove("pid", said))
