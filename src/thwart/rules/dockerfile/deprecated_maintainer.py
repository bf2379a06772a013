"""MAINTAINER is out of use.

It is no longer a part of the format, and few tools show it. A label is found by all.

Fix: Write `LABEL org.opencontainers.image.authors=…`.

Bad:
    FROM registry.example.test/base:1.2
    MAINTAINER office@example.test

Good:
    FROM registry.example.test/base:1.2
    LABEL org.opencontainers.image.authors="office@example.test"
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule
from thwart.rules.dockerfile._mending import Change, mended, replaced


@dockerfile_rule(Severity.NEGLIGIBLE, "hadolint:DL4000", "trivy:DS-0022", "checkov:CKV_DOCKER_6")
def deprecated_maintainer(file: File) -> Iterator[Hit]:
    """Every MAINTAINER."""
    for stage, step in file.steps("MAINTAINER"):
        instruction = step.instruction
        hit = file.hit(instruction.span, "uses MAINTAINER", stage)
        changes: tuple[Change, ...] = ()
        if len(instruction.args) == 1 and instruction.line == instruction.span.end_line:
            name = instruction.args[0].text
            quoted = "".join(f"{file.parsed.escape}{one}" if one in f'"${file.parsed.escape}' else one for one in name)
            changes = (replaced(instruction.span, f'LABEL org.opencontainers.image.authors="{quoted}"'),)
        yield from mended(file, [(hit, changes)], safe=True)
