"""A stage has a name that means something else.

`scratch` is the empty base and `context` the files of the build, so that a later FROM or COPY reads as one and means the
other.

Fix: Give the stage another name. No edit is offered, as what refers to the stage has to change with it.

Bad:
    FROM registry.example.test/base:1.2 AS scratch

Good:
    FROM registry.example.test/base:1.2 AS build
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule


@dockerfile_rule(Severity.LOW, "hadolint:DL3063")
def reserved_stage_name(file: File) -> Iterator[Hit]:
    """Names count without case."""
    for stage in file.build.stages:
        if stage.name in ("scratch", "context"):
            yield file.hit(stage.instruction.args[-1].span, f"names a stage {stage.name}")
