"""A container is privileged.

`privileged` gives the container every capability, every device of the host and no profile of any kind. Root in it is
root on the host: it mounts the disk and writes where it likes.

Fix: Take `privileged` away, and give the container the one capability or device that it needs.

Bad:
    services:
      web:
        image: registry.example.test/web:1.2
        privileged: true

Good:
    services:
      web:
        image: registry.example.test/web:1.2
        devices: [/dev/ttyUSB0]
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.container import Container, container_rule
from thwart.rules.container._settings import remove


@container_rule(Severity.CRITICAL, "cis-docker:5.5", "cis-docker:5.23", "nist-800-190:4.4.4")
def full_privileges(container: Container) -> Iterator[Hit]:
    """Of the container, and of a hook that Compose runs in it, which is `docker exec --privileged` (CIS 5.23)."""
    said = container.privileged
    if said is not None and said.value:
        yield container.hit(said, "is privileged", remove("privileged", said))
    for hook in container.privileged_hooks:
        if hook.value:
            yield container.hit(hook, "runs a privileged hook", remove("privileged_hooks", hook))
