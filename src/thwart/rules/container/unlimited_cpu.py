"""A container may use every CPU of the host.

One busy loop, or somebody's miner, then slows everything on the machine.

Fix: Set a limit of CPUs. In Compose that is `cpus`, its own or under `deploy.resources.limits`; on a command line
`--cpus`. It is no safe fix: one CPU is a guess that must be measured.

Bad:
    services:
      web:
        image: registry.example.test/web:1.2

Good:
    services:
      web:
        image: registry.example.test/web:1.2
        cpus: 0.5
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.container import Container, container_rule
from thwart.rules.container._settings import put


@container_rule(Severity.LOW, "cis-docker:5.12", "nist-800-190:4.3.3")
def unlimited_cpu(container: Container) -> Iterator[Hit]:
    """Shares and a set of CPUs bound it too, as CIS has it."""
    if container.cpus is not None and container.cpus.value > 0:
        return
    if container.cpu_shares is None and container.cpuset is None:
        yield from container.lacks(("cpus", "cpu_shares", "cpuset"), "has no CPU limit", put("cpus", 1.0))
