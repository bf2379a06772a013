"""A limit of the host is lifted for a container.

Without a limit of open files or processes the container uses up what all others need.

Fix: State a number instead of -1. No edit is offered: which number, the program's load tells.

Bad:
    services:
      web:
        image: registry.example.test/web:1.2
        ulimits:
          nproc: -1

Good:
    services:
      web:
        image: registry.example.test/web:1.2
        ulimits:
          nproc: 4096
          memlock: -1
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.container import Container, container_rule


@container_rule(Severity.NEGLIGIBLE, "cis-docker:5.19")
def lifted_ulimit(container: Container) -> Iterator[Hit]:
    """Locked memory is lifted for databases by their makers' advice, and bounded by the memory limit."""
    for said in container.ulimits:
        if said.value.name in ("nproc", "nofile", "fsize", "data", "core") and -1 in (said.value.soft, said.value.hard):
            yield container.hit(said, f"has no limit of {said.value.name}")
