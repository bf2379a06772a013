"""An image is not pinned by digest.

A tag can be pushed again, by its owner or by whoever took the owner's account. A digest is one image for ever.

Fix: Put the digest after the tag: `web:1.2@sha256:…`. No edit is offered: which digest the tag has now, the registry
knows.

Bad:
    services:
      web:
        image: registry.example.test/web:1.2

Good:
    services:
      web:
        image: registry.example.test/web:1.2@sha256:0000000000000000000000000000000000000000000000000000000000000000
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.container import Container, container_rule
from thwart.rules.container._images import image


@container_rule(Severity.NEGLIGIBLE, "cis-docker:5.28", "nist-800-190:4.1.5", covered_by=("latest-image",))
def undigested_image(container: Container) -> Iterator[Hit]:
    """Hygiene: most teams pin what they deploy elsewhere."""
    if container.image is None or container.built:
        return
    found = image(container.image.value)
    if found is not None and not found.digest:
        yield container.hit(container.image, f"runs {container.image.value[:120]} without a digest")
