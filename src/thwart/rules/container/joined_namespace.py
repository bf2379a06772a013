"""Containers share processes or memory.

A container that joins another one's process or IPC namespace reads its environment, and as the same user its memory.
The two are one to an intruder.

Fix: Take the setting away unless the two belong together. No edit is offered: what the programs tell each other, they
tell on that way.

Bad:
    services:
      web:
        image: registry.example.test/web:1.2
        pid: service:db

Good:
    services:
      web:
        image: registry.example.test/web:1.2
        ipc: private
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.container import Container, container_rule


@container_rule(Severity.LOW, "cis-docker:5.16", "cis-docker:5.17", confidence="medium")
def joined_namespace(container: Container) -> Iterator[Hit]:
    """A shared network (`service:`) is how sidecars work, and no finding."""
    for said, word in ((container.pid, "processes"), (container.ipc, "memory")):
        if said is not None and said.value.startswith(("container:", "service:")):
            yield container.hit(said, f"shares {word} with {said.value[:80]}")
    if container.ipc is not None and container.ipc.value == "shareable":
        yield container.hit(container.ipc, "lets other containers share its memory")
