"""What a container says is thrown away.

Without logs nobody learns what happened, neither of a failure nor of an intruder.

Fix: Take the driver `none` away, so that the engine's default counts. No edit is offered: options of the driver go
with it.

Bad:
    services:
      web:
        image: registry.example.test/web:1.2
        logging:
          driver: none

Good:
    services:
      web:
        image: registry.example.test/web:1.2
        logging:
          driver: local
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.container import Container, container_rule


@container_rule(Severity.LOW, "cis-docker:2.13", "nist-800-190:4.4.4")
def unlogged_container(container: Container) -> Iterator[Hit]:
    """Any other driver keeps it somewhere."""
    said = container.log_driver
    if said is not None and said.value == "none":
        yield container.hit(said, "throws away what it says")
