"""An image is built on another that is not pinned by digest.

A tag is a name that whoever may push can move. A digest is the content: what was reviewed and scanned is what is built on.

Fix: Add the digest: `FROM registry.example.test/base:1.2@sha256:…`, and let a bot renew it. The digest is not in the
file, so that no edit is offered without a lock that has it.

Bad:
    FROM registry.example.test/base:1.2
    USER 10001

Good:
    FROM registry.example.test/base:1.2@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
    USER 10001
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule
from thwart.rules.dockerfile._images import images


@dockerfile_rule(Severity.LOW, "nist-800-190:4.1.5", "slsa:pinned", covered_by=("floating-base",))
def base_without_digest(file: File) -> Iterator[Hit]:
    """Whatever the tag says."""
    for stage, span, image in images(file):
        if not image.digest:
            yield file.hit(span, f"uses {image.familiar()[:200]}, which a push can change", stage)
