"""The image has no health check.

An engine that is not told how to ask a program whether it works takes a hung one for a sound one. Kubernetes has probes of its
own and passes over this; the OCI image format has no place for it, so that only Docker's format is judged.

Fix: Add `HEALTHCHECK CMD …` to the Dockerfile, or probes where the orchestrator has them. No edit is offered: the
image is not the Dockerfile it was built from.

Bad:
    format: docker
    config: {User: "10001"}

Good:
    format: docker
    config: {User: "10001", Healthcheck: {Test: [CMD, /app, --healthy]}}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.image import Image, image_rule


@image_rule(Severity.NEGLIGIBLE, "cis-docker:4.6", "dockle:CIS-DI-0006", "trivy:DS-0026")
def image_without_healthcheck(image: Image) -> Iterator[Hit]:
    """None at all; `NONE` is a decision."""
    if image.configured and image.text("format") == "docker" and not image.has("config", "Healthcheck"):
        yield image.stated("has no health check", "config", "Healthcheck")
