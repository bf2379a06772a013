"""A container is started again without end.

A program that fails at once and is started for ever hides its failure and keeps the machine busy; one that was taken
over comes back each time.

Fix: Set `on-failure:5` where nothing else watches the container. It is no safe fix: `on-failure` does not start it
with the machine.

Bad:
    services:
      web:
        image: registry.example.test/web:1.2
        restart: always

Good:
    services:
      web:
        image: registry.example.test/web:1.2
        restart: on-failure:5
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.container import Container, container_rule
from thwart.rules.container._settings import put


def _many(policy: str, most: int) -> bool:
    return policy == "on-failure" and not 0 < most <= 5


@container_rule(Severity.NEGLIGIBLE, "cis-docker:5.15")
def endless_restart(container: Container) -> Iterator[Hit]:
    """No policy at all passes, as in CIS."""
    said = container.restart
    if said is not None and (
        said.value.policy in ("always", "unless-stopped") or _many(said.value.policy, said.value.most)
    ):
        yield container.hit(said, "is started again without end", put("restart", "on-failure:5"))
