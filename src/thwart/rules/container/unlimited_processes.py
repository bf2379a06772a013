"""A container may start processes without end.

A fork bomb, or a program that never reaps its children, uses up the host's process table: nobody can log in any more
to stop it.

Fix: Set a limit of processes. In Compose that is `pids_limit`, or `pids` under `deploy.resources.limits`; on a
command line `--pids-limit`. It is no safe fix: 100 is what CIS names, and some programs need more.

Bad:
    services:
      web:
        image: registry.example.test/web:1.2

Good:
    services:
      web:
        image: registry.example.test/web:1.2
        pids_limit: 100
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.container import Container, container_rule
from thwart.rules.container._settings import put


@container_rule(Severity.LOW, "cis-docker:5.29")
def unlimited_processes(container: Container) -> Iterator[Hit]:
    """0 and -1 are no limit."""
    said = container.pids_limit
    if said is None:
        yield from container.lacks(("pids_limit",), "has no limit of processes", put("pids_limit", 100))
    elif said.value <= 0:
        yield container.hit(said, "has no limit of processes", put("pids_limit", 100))
