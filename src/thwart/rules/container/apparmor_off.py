"""A container runs without AppArmor.

The engine's AppArmor profile keeps containers from mounting and from writing to `/proc` and `/sys`. `unconfined`
takes it away where the host has it.

Fix: Take `apparmor:unconfined` away, or name a profile of your own.

Bad:
    services:
      web:
        image: registry.example.test/web:1.2
        security_opt: ["apparmor:unconfined"]

Good:
    services:
      web:
        image: registry.example.test/web:1.2
        security_opt: ["apparmor:web"]
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.container import Container, container_rule
from thwart.rules.container._settings import remove


@container_rule(Severity.MEDIUM, "cis-docker:5.2", "nist-800-190:4.4.2", covered_by=("full-privileges",))
def apparmor_off(container: Container) -> Iterator[Hit]:
    """No option means the engine's profile where AppArmor is on, so that only taking it away is a finding."""
    said = container.option("apparmor")
    if said is not None and said.value == "unconfined":
        yield container.hit(said, "runs without an AppArmor profile", remove("security_opt", said))
