"""An instruction has no effect, as a later one replaces it.

Of CMD, ENTRYPOINT and HEALTHCHECK only the last one of a stage counts. Whoever reads the first one is misled.

Fix: Remove all but the last.

Bad:
    FROM registry.example.test/base:1.2
    CMD ["/old"]
    CMD ["/app"]

Good:
    FROM registry.example.test/base:1.2
    CMD ["/app"]
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.lib.dockerfile import Instruction
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule
from thwart.rules.dockerfile._mending import Change, mended, removed


@dockerfile_rule(
    Severity.LOW,
    "hadolint:DL3012",
    "hadolint:DL4003",
    "hadolint:DL4004",
    "trivy:DS-0007",
    "trivy:DS-0016",
    "trivy:DS-0023",
)
def repeated_instruction(file: File) -> Iterator[Hit]:
    """Within one stage; a stage that is built on another may well replace what that has."""
    yield from mended(file, list(_found(file)), safe=True)


def _found(file: File) -> Iterator[tuple[Hit, tuple[Change, ...]]]:
    for stage in file.build.stages:
        last: dict[str, Instruction] = {}
        for step in stage.steps:
            instruction = step.instruction
            if instruction.name not in ("CMD", "ENTRYPOINT", "HEALTHCHECK") or step.triggered:
                continue
            old = last.get(instruction.name)
            if old is not None:
                yield file.hit(old.span, f"has a {old.name} that a later one replaces", stage), (removed(old),)
            last[instruction.name] = instruction
