"""A container runs as whatever user its image chooses.

Most images choose root. Whoever reads the document cannot tell, and the next version of the image may choose
otherwise.

Fix: State the user, as numbers. No edit is offered: only the image tells which user can work; accept this finding
where its USER is known.

Bad:
    services:
      web:
        image: registry.example.test/web:1.2

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


@container_rule(Severity.LOW, "cis-docker:4.1", "nist-800-190:4.1.2", confidence="low")
def image_chosen_user(container: Container) -> Iterator[Hit]:
    """An engine that runs the container knows the image's user and states it."""
    if container.user is None or not container.user.value:
        yield from container.lacks(("user",), "does not say which user it runs as")
