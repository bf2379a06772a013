"""The build's frontend is not pinned by digest.

The image that `# syntax=` names reads the Dockerfile and decides what every line does. A tag is a name that whoever may
push can move.

Fix: Add the digest: `# syntax=docker/dockerfile:1@sha256:…`. No edit is offered without the digest.

Bad:
    # syntax=registry.example.test/frontend:1
    FROM registry.example.test/base:1.2

Good:
    # syntax=registry.example.test/frontend:1@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
    FROM registry.example.test/base:1.2
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule


@dockerfile_rule(Severity.NEGLIGIBLE, "nist-800-190:4.1.5", "slsa:pinned")
def frontend_without_digest(file: File) -> Iterator[Hit]:
    """The directive at the head of the file."""
    for one in file.parsed.directives:
        if one.name == "syntax" and "@sha256:" not in one.value:
            yield file.hit(one.span, f"is read by {one.value[:80]}, which a push can change")
