"""A container's system calls are not filtered.

The default seccomp profile forbids dozens of system calls that containers do not need and that defects of the kernel
are reached through. `unconfined` allows all of them.

Fix: Take `seccomp:unconfined` away, or write a profile that allows the one call that is needed.

Bad:
    services:
      web:
        image: registry.example.test/web:1.2
        security_opt: ["seccomp:unconfined"]

Good:
    services:
      web:
        image: registry.example.test/web:1.2
        security_opt: ["seccomp:./profile.json"]
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.container import Container, container_rule
from thwart.rules.container._settings import remove


@container_rule(Severity.HIGH, "cis-docker:5.22", "nist-800-190:4.4.2", covered_by=("full-privileges",))
def seccomp_off(container: Container) -> Iterator[Hit]:
    """No option at all means the engine's default profile."""
    said = container.option("seccomp")
    if said is not None and said.value == "unconfined":
        yield container.hit(said, "runs without a seccomp profile", remove("security_opt", said))
