"""A container keeps capabilities that it may not need.

Unless they are dropped, a container's root keeps fourteen capabilities: it forges packets, makes device files,
changes owners and identities. Most programs need none of them.

Fix: Drop all capabilities, and add back what the program needs. That is `cap_drop: [ALL]` in Compose, `--cap-drop
ALL` on a command line. It is no safe fix: an entry point that changes owners or users stops working.

Bad:
    services:
      web:
        image: registry.example.test/web:1.2

Good:
    services:
      web:
        image: registry.example.test/web:1.2
        cap_drop: [ALL]
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.container import Container, container_rule
from thwart.rules.container._settings import include


@container_rule(
    Severity.LOW, "cis-docker:5.4", "nist-800-190:4.4.2", covered_by=("full-privileges", "host-breaking-capability")
)
def undropped_capabilities(container: Container) -> Iterator[Hit]:
    """Dropping some is not dropping all."""
    if not any(one.value == "ALL" for one in container.cap_drop):
        yield from container.lacks(("cap_drop",), "keeps the default capabilities", include("cap_drop", "ALL"))
