"""Every container of a project is on one network.

The service that is open to the world stands on the same network as the databases: whoever takes it over reaches all
of them directly.

Fix: Make two networks: one of the published services, one of what is behind them. No edit is offered: who needs whom,
only the project's maker knows.

Bad:
    services:
      web:
        image: registry.example.test/web:1.2
        ports: ["127.0.0.1:8080:8080"]
      api:
        image: registry.example.test/api:1.2
      db:
        image: postgres:16

Good:
    services:
      web:
        image: registry.example.test/web:1.2
        ports: ["127.0.0.1:8080:8080"]
        networks: [front]
      api:
        image: registry.example.test/api:1.2
        networks: [front, back]
      db:
        image: postgres:16
        networks: [back]
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.container import Project, project_rule


@project_rule(Severity.LOW, "cis-docker:5.30", "nist-800-190:4.3.3", confidence="medium")
def flat_network(project: Project) -> Iterator[Hit]:
    """Three services or more, of which some are published and some are not."""
    joined = [{one.value for one in container.networks} for container in project.containers]
    published = [one for one in project.containers if one.ports]
    if len(joined) < 3 or not published or len(published) == len(joined):
        return
    common = set.intersection(*joined)
    if common and set.union(*joined) == common:
        name = min(common)
        phrase = f"has all {len(joined)} services on the network {name[:80]}, {published[0].name} among them, which is published"
        yield project.hit(published[0].where, phrase)
