"""A container may write to a folder of the host.

What the container writes there, the host and other containers read. A folder of sources or settings that is mounted
for writing lets an intruder change them for good.

Fix: Add `:ro` where the container only reads, or use a volume for what only the container needs. No edit is offered:
whether it writes, only the program's maker knows.

Bad:
    services:
      web:
        image: registry.example.test/web:1.2
        volumes: ["./conf:/etc/web"]

Good:
    services:
      web:
        image: registry.example.test/web:1.2
        volumes: ["./conf:/etc/web:ro", "data:/data"]
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.container import Container, container_rule


@container_rule(
    Severity.NEGLIGIBLE,
    "cis-docker:5.6",
    "nist-800-190:4.4.5",
    confidence="medium",
    covered_by=("system-folder-mount", "mounted-engine-socket"),
)
def writable_host_mount(container: Container) -> Iterator[Hit]:
    """The short and the long forms have different edits, so that there is none here."""
    for said in container.mounts:
        if said.value.kind == "bind" and not said.value.read_only:
            yield container.hit(said, f"is the host's {said.value.source[:120]}, writable")
