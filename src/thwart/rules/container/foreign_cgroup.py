"""A container is put into a control group by hand.

Limits of the group that it is put into count, and those who made that group may not know of it.

Fix: Take the parent group away (`cgroup_parent`, `--cgroup-parent`). It is no safe fix: whoever made the group wanted
its limits.

Bad:
    services:
      web:
        image: registry.example.test/web:1.2
        cgroup_parent: special

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


@container_rule(Severity.LOW, "cis-docker:5.25")
def foreign_cgroup(container: Container) -> Iterator[Hit]:
    """CIS Docker 5.25."""
    said = container.cgroup_parent
    if said is not None and said.value:
        yield container.hit(said, f"is put into the control group {said.value[:80]}", remove("cgroup_parent", said))
