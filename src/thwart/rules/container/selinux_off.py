"""A container runs without SELinux separation.

With `label:disable` SELinux no longer keeps the container from files of the host and of other containers. Often it
was written to make one mount work, for which a label on the mount suffices.

Fix: Take `label:disable` away; put `:z` or `:Z` at the mount that needed it.

Bad:
    services:
      web:
        image: registry.example.test/web:1.2
        security_opt: ["label:disable"]

Good:
    services:
      web:
        image: registry.example.test/web:1.2
        volumes: ["./data:/data:Z"]
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.container import Container, container_rule
from thwart.rules.container._settings import remove


@container_rule(Severity.MEDIUM, "cis-docker:5.3", "nist-800-190:4.4.2", covered_by=("full-privileges",))
def selinux_off(container: Container) -> Iterator[Hit]:
    """No option means the engine's default."""
    said = container.option("label")
    if said is not None and said.value == "disable":
        yield container.hit(said, "runs without SELinux separation", remove("security_opt", said))
