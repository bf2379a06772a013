"""Two stages have one name.

Whoever copies from the name gets the later of the two, and where both stand before, nothing tells which was meant.

Fix: Give each stage a name of its own. No edit is offered, as only the author knows which of the two is meant where.

Bad:
    FROM registry.example.test/base:1.2 AS build
    FROM registry.example.test/other:1.2 AS build

Good:
    FROM registry.example.test/base:1.2 AS build
    FROM registry.example.test/other:1.2 AS other
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule


@dockerfile_rule(Severity.MEDIUM, "hadolint:DL3024", "trivy:DS-0012", "checkov:CKV_DOCKER_11")
def stage_named_twice(file: File) -> Iterator[Hit]:
    """Names count without case."""
    seen: set[str] = set()
    for stage in file.build.stages:
        if stage.name and stage.name in seen:
            words = stage.instruction.args
            yield file.hit(words[-1].span, f"has a second stage {stage.name[:80]}")
        seen.add(stage.name)
