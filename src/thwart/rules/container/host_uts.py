"""A container may rename the host.

With the right capability it changes the host's name, and with it what logs, certificates and clusters take the host
for.

Fix: Give the container a UTS namespace of its own, which is the default. It is no safe fix: a program that was given
it on purpose, such as a monitor, fails without.

Bad:
    services:
      web:
        image: registry.example.test/web:1.2
        uts: host

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


@container_rule(Severity.MEDIUM, "cis-docker:5.21", "nist-800-190:4.4.2")
def host_uts(container: Container) -> Iterator[Hit]:
    """CIS Docker 5.21."""
    said = container.uts
    if said is not None and said.value == "host":
        yield container.hit(said, "shares the host's UTS namespace", remove("uts", said))
