"""Two containers are to have one name.

A name belongs to one container of an engine: the second is not made.

Fix: Take `container_name` away from one of them, or from both: Compose then makes names that differ. No edit is
offered: others may call it by that name.

Bad:
    services:
      web:
        image: registry.example.test/web:1.2
        container_name: shop
      api:
        image: registry.example.test/api:1.2
        container_name: shop

Good:
    services:
      web:
        image: registry.example.test/web:1.2
        container_name: shop-web
      api:
        image: registry.example.test/api:1.2
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.container import Project, project_rule


@project_rule(Severity.LOW, "dclint:no-duplicate-container-names")
def name_given_twice(project: Project) -> Iterator[Hit]:
    """Services with profiles may never run together."""
    seen: dict[str, str] = {}
    for container in project.containers:
        said = container.container_name
        if said is None or container.profiles:
            continue
        if said.value in seen:
            yield project.hit(said.where, f"is named {said.value[:80]} as {seen[said.value]} is", container.name)
        seen.setdefault(said.value, container.name)
