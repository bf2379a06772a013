"""The image does not say how to tell that it works.

Docker and Compose can restart, or route around, a container that hangs, if they are told how to ask it. Kubernetes has probes
of its own and ignores this.

Fix: Add a `HEALTHCHECK`; write `HEALTHCHECK NONE` where another system asks. No edit is offered, as only the author knows how to ask.

Bad:
    FROM registry.example.test/base:1.2
    CMD ["/app"]

Good:
    FROM registry.example.test/base:1.2
    HEALTHCHECK CMD ["/app", "--healthy"]
    CMD ["/app"]
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule


@dockerfile_rule(
    Severity.LOW,
    "cis-docker:4.6",
    "hadolint:DL3057",
    "trivy:DS-0026",
    "checkov:CKV_DOCKER_2",
    "dockle:CIS-DI-0006",
    confidence="medium",
)
def missing_healthcheck(file: File) -> Iterator[Hit]:
    """The last stage and those that it is built on; the base image may have one."""
    final = file.running
    if final is not None and final.healthcheck is None:
        yield file.hit(final.instruction.span, "has no HEALTHCHECK", final)
