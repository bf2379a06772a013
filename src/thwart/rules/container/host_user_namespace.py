"""A container opts out of user namespaces.

Where the engine maps root of containers to a nobody of the host, this one keeps the real root.

Fix: Leave the container in the engine's user namespace, which is the default. It is no safe fix: a program that was
given it on purpose, such as a monitor, fails without.

Bad:
    services:
      web:
        image: registry.example.test/web:1.2
        userns_mode: host

Good:
    services:
      web:
        image: registry.example.test/web:1.2
        read_only: true
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.container import Container, container_rule
from thwart.rules.container._settings import remove


@container_rule(Severity.MEDIUM, "cis-docker:5.31", "nist-800-190:4.4.2")
def host_user_namespace(container: Container) -> Iterator[Hit]:
    """CIS Docker 5.31."""
    said = container.userns
    if said is not None and said.value == "host":
        yield container.hit(said, "uses the host's user namespace", remove("userns", said))
