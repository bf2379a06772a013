"""A container sees the host's control groups.

It sees how every other container is limited, and with a writable mount moves itself out of its own limits.

Fix: Give the container a cgroup namespace of its own, which is the default. It is no safe fix: a program that was
given it on purpose, such as a monitor, fails without.

Bad:
    services:
      web:
        image: registry.example.test/web:1.2
        cgroup: host

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


@container_rule(Severity.MEDIUM, "cis-docker:5.25", "nist-800-190:4.4.2")
def host_cgroups(container: Container) -> Iterator[Hit]:
    """CIS Docker 5.25."""
    said = container.cgroupns
    if said is not None and said.value == "host":
        yield container.hit(said, "uses the host's cgroup namespace", remove("cgroupns", said))
