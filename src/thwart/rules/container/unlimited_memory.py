"""A container may use all memory of the host.

One leak or one flood of requests takes the memory of everything on the machine, until the kernel kills what it likes.

Fix: Set a memory limit. In Compose that is `mem_limit`, or `memory` under `deploy.resources.limits`; on a command
line `--memory`. It is no safe fix: 512 MiB is a guess that must be measured.

Bad:
    services:
      web:
        image: registry.example.test/web:1.2

Good:
    services:
      web:
        image: registry.example.test/web:1.2
        mem_limit: 512m
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.container import Container, container_rule
from thwart.rules.container._settings import put


@container_rule(Severity.MEDIUM, "cis-docker:5.11", "nist-800-190:4.3.3")
def unlimited_memory(container: Container) -> Iterator[Hit]:
    """A reservation is no limit."""
    said = container.memory
    if said is None:
        yield from container.lacks(("memory",), "has no memory limit", put("memory", "512m"))
    elif said.value <= 0:
        yield container.hit(said, "has no memory limit", put("memory", "512m"))
