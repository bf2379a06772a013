"""A RUN asks for rights that a build does not need.

`--security=insecure` runs the command with every capability on the builder's kernel, `--network=host` in the builder's own
network: whatever it downloads can then reach, or take over, the builder and all it builds.

Fix: Leave the flag out.

Bad:
    FROM registry.example.test/base:1.2
    RUN --security=insecure make

Good:
    FROM registry.example.test/base:1.2
    RUN --network=none make
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule
from thwart.rules.dockerfile._mending import mended, without

_ASKED = {("security", "insecure"), ("network", "host")}


@dockerfile_rule(Severity.HIGH, "cis-docker:5.5", "cis-docker:5.10", "nist-800-190:4.1.2")
def unconfined_build_step(file: File) -> Iterator[Hit]:
    """The flags of RUN; a builder has to allow each of them."""
    for stage, step in file.steps("RUN"):
        for flag in step.instruction.flags:
            value = step.expand(flag.value or "").text
            if (flag.name, value) in _ASKED:
                hit = file.hit(flag.span, f"runs with --{flag.name}={value}", stage)
                yield from mended(file, [(hit, (without(file, flag.span),))])
