"""Nothing tells whether a container works.

A program that hangs still runs. Without a check of its health nothing notices, and what depends on it does not wait
for it.

Fix: Add a health check unless the image has one. No edit is offered: what to ask, only the program's maker knows.

Bad:
    services:
      web:
        image: registry.example.test/web:1.2
        healthcheck:
          disable: true

Good:
    services:
      web:
        image: registry.example.test/web:1.2
        healthcheck:
          test: [CMD, web, check]
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.container import Container, container_rule


@container_rule(Severity.NEGLIGIBLE, "cis-docker:5.27", confidence="low")
def unwatched_health(container: Container) -> Iterator[Hit]:
    """The image may have one, which a document does not tell."""
    said = container.healthcheck
    if said is None:
        yield from container.lacks(("healthcheck",), "states no health check")
    elif not said.value:
        yield container.hit(said, "has its health check switched off")
