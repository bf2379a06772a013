"""sudo is used to build the image.

RUN already has the user that USER names. An image with sudo gives whoever breaks into the container a way to root, and its
behaviour with signals and terminals is not what a build expects.

Fix: Switch with `USER root` for what needs root, and back after it; leave sudo out of the image.

Bad:
    FROM registry.example.test/base:1.2
    USER 10001
    RUN sudo install-things

Good:
    FROM registry.example.test/base:1.2
    USER root
    RUN install-things
    USER 10001
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule


@dockerfile_rule(Severity.MEDIUM, "nist-800-190:4.1.2", "hadolint:DL3004")
def sudo_in_build(file: File) -> Iterator[Hit]:
    """Commands that are run by sudo, whatever is around it."""
    for run in file.runs:
        for call in run.calls:
            if "sudo" in call.wrappers:
                yield file.hit(call.span, "uses sudo", run.stage)
