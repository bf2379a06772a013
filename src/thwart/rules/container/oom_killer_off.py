"""A container is exempt from being killed for want of memory.

When memory runs out the kernel then kills something else, or nothing at all, and the machine stands still.

Fix: Let the kernel end the container when memory runs out, and give it a memory limit.

Bad:
    services:
      web:
        image: registry.example.test/web:1.2
        oom_kill_disable: true

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
from thwart.rules.container._settings import remove


@container_rule(Severity.MEDIUM, "cis-docker:5.11")
def oom_killer_off(container: Container) -> Iterator[Hit]:
    """Scores from -900 on exempt a process in practice."""
    said, score = container.oom_kill_disable, container.oom_score_adj
    if said is not None and said.value:
        yield container.hit(said, "is never killed for want of memory", remove("oom_kill_disable", said))
    if score is not None and score.value <= -900:
        yield container.hit(score, "is hardly ever killed for want of memory", remove("oom_score_adj", score))
