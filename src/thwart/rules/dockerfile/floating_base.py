"""An image is built on a tag that floats.

Without a tag, or with `latest`, the next build takes whatever was pushed last: the same Dockerfile gives another image, which
nobody has tested, and there is nothing to go back to.

Fix: Name a version, better with its digest: `FROM registry.example.test/base:1.2@sha256:…`. No edit is offered: which version is wanted is
not in the file.

Bad:
    FROM registry.example.test/base:latest
    USER 10001

Good:
    FROM registry.example.test/base:1.2
    USER 10001
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule
from thwart.rules.dockerfile._images import images


@dockerfile_rule(
    Severity.MEDIUM,
    "cis-docker:4.2",
    "nist-800-190:4.1.5",
    "hadolint:DL3006",
    "hadolint:DL3007",
    "trivy:DS-0001",
    "checkov:CKV_DOCKER_7",
)
def floating_base(file: File) -> Iterator[Hit]:
    """Bases, and images that COPY and mounts take files from; a digest makes any tag firm."""
    for stage, span, image in images(file):
        if not image.digest and image.tag in ("", "latest"):
            yield file.hit(
                span, f"uses {image.familiar()[:200]}, which {'floats' if image.tag else 'has no tag'}", stage
            )
