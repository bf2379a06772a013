"""A published container is on the network of a database.

Whoever takes over the published service speaks to the database directly, with nothing between that could refuse.

Fix: Leave the published service on a network of its own, and let only what stands between the two join both. No edit
is offered: which service that is, only the project's maker knows.

Bad:
    services:
      web:
        image: registry.example.test/web:1.2
        ports: ["8080:8080"]
        networks: [front, data]
      db:
        image: postgres:16
        networks: [data]

Good:
    services:
      web:
        image: registry.example.test/web:1.2
        ports: ["8080:8080"]
        networks: [front]
      api:
        image: registry.example.test/api:1.2
        networks: [front, data]
      db:
        image: postgres:16
        networks: [data]
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.container import Project, project_rule
from thwart.rules.container._images import is_store


@project_rule(Severity.LOW, "cis-docker:5.30", "nist-800-190:4.3.3", confidence="medium")
def exposed_data_network(project: Project) -> Iterator[Hit]:
    """Databases, caches and queues by the names of their images."""
    stores: dict[str, str] = {}
    for container in project.containers:
        if container.image is not None and is_store(container.image.value):
            for network in container.networks:
                stores.setdefault(network.value, container.name)
    for container in project.containers:
        if not any(not said.value.local for said in container.ports):
            continue
        for network in container.networks:
            name = stores.get(network.value)
            if name is not None and name != container.name:
                phrase = f"is published and shares the network {network.value[:80]} with {name}"
                yield project.hit(network.where, phrase, container.name)
