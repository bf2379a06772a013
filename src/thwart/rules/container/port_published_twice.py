"""Two containers publish the same port.

Only one of them starts: the second fails, or which of them runs depends on who was first.

Fix: Give one of them another port. No edit is offered: which one, only the project's maker knows.

Bad:
    services:
      web:
        image: registry.example.test/web:1.2
        ports: ["127.0.0.1:8080:80"]
      api:
        image: registry.example.test/api:1.2
        ports: ["127.0.0.1:8080:8080"]

Good:
    services:
      web:
        image: registry.example.test/web:1.2
        ports: ["127.0.0.1:8080:80"]
      api:
        image: registry.example.test/api:1.2
        ports: ["127.0.0.1:8081:8080"]
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.container import Container, Project, project_rule

_WIDEST = 2000  # ports of a range that are looked at


@project_rule(Severity.MEDIUM, "dclint:no-duplicate-exported-ports")
def port_published_twice(project: Project) -> Iterator[Hit]:
    """Services with profiles may never run together; ranges of the host are compared port by port."""
    taken: dict[tuple[int, str], list[tuple[str, Container]]] = {}
    for container in project.containers:
        if container.profiles:
            continue
        for said in container.ports:
            first, last = said.value.published
            address = "" if said.value.everywhere else said.value.address
            if not first or last - first > _WIDEST:
                continue
            for number in range(first, last + 1):
                holders = taken.setdefault((number, said.value.protocol), [])
                other = next(
                    (who for at, who in holders if who is not container and (not at or not address or at == address)),
                    None,
                )
                if other is not None:
                    yield project.hit(said.where, f"publishes port {number} as {other.name} does", container.name)
                    break
                holders.append((address, container))
