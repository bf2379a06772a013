"""A container's programs may gain privileges.

Without `no-new-privileges` a setuid program in the image makes root of any user, and file capabilities count. An
intruder without privileges gets them back.

Fix: Add the security option `no-new-privileges:true`. It is no safe fix: `sudo`, `su` and `ping` in old images need
what it forbids.

Bad:
    services:
      web:
        image: registry.example.test/web:1.2

Good:
    services:
      web:
        image: registry.example.test/web:1.2
        security_opt: ["no-new-privileges:true"]
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.container import Container, container_rule
from thwart.rules.container._settings import include, replace


@container_rule(Severity.MEDIUM, "cis-docker:5.26", "nist-800-190:4.4.2", covered_by=("full-privileges",))
def regained_privileges(container: Container) -> Iterator[Hit]:
    """`no-new-privileges` alone means true."""
    said = container.option("no-new-privileges")
    if said is None:
        change = include("security_opt", "no-new-privileges:true")
        yield from container.lacks(("security_opt",), "does not forbid new privileges", change)
    elif said.value.lower() != "true":
        yield container.hit(said, "allows new privileges", replace("security_opt", said, "no-new-privileges:true"))
