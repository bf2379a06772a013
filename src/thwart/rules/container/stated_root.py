"""A container is told to run as root.

Root in a container is root to every defect of the kernel and of the engine, and to every file of the host that is
mounted. Here it is not the image's choice but this document's.

Fix: Name another user, as numbers that the image's files belong to. No edit is offered: only the image tells which
user can work.

Bad:
    services:
      web:
        image: registry.example.test/web:1.2
        user: root

Good:
    services:
      web:
        image: registry.example.test/web:1.2
        user: "1000:1000"
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.container import Container, container_rule


@container_rule(Severity.HIGH, "cis-docker:4.1", "nist-800-190:4.1.2", confidence="medium")
def stated_root(container: Container) -> Iterator[Hit]:
    """The group does not make it root."""
    said = container.user
    if said is not None and said.value.partition(":")[0].strip() in ("root", "0"):
        yield container.hit(said, "runs as root")
