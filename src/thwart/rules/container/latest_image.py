"""An image is named without a version.

`latest`, or no tag at all, is whatever was pushed last: tomorrow's start may run something that nobody tested, and
nobody can tell what ran yesterday.

Fix: Name a version, better a digest. No edit is offered: which version is meant, only its user knows.

Bad:
    services:
      web:
        image: registry.example.test/web:latest

Good:
    services:
      web:
        image: registry.example.test/web:1.2
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.container import Container, container_rule
from thwart.rules.container._images import image


@container_rule(Severity.MEDIUM, "cis-docker:5.28", "nist-800-190:4.1.5")
def latest_image(container: Container) -> Iterator[Hit]:
    """Of a service that is built, `image` names the result; Compose builds what is not there."""
    if container.image is None or container.built:
        return
    found = image(container.image.value)
    if found is not None and not found.digest and found.tag in ("", "latest"):
        what = "latest" if found.tag else "no tag"
        yield container.hit(container.image, f"runs {container.image.value[:120]}, which has {what}")
