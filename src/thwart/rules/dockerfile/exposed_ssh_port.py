"""The image offers SSH.

A container is entered by its engine, which has its own accounts and its own record. A second way in has passwords, keys and
defects of its own.

Fix: Leave port 22 out, and the server with it.

Bad:
    FROM registry.example.test/base:1.2
    EXPOSE 22 8080

Good:
    FROM registry.example.test/base:1.2
    EXPOSE 8080
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule
from thwart.rules.dockerfile._mending import Change, mended, removed, without

_SSH = re.compile(r"22(?:/tcp)?", re.IGNORECASE)


@dockerfile_rule(Severity.MEDIUM, "cis-docker:5.7", "trivy:DS-0004", "checkov:CKV_DOCKER_1")
def exposed_ssh_port(file: File) -> Iterator[Hit]:
    """EXPOSE of every stage that the image is built on."""
    yield from mended(file, list(_found(file)))


def _found(file: File) -> Iterator[tuple[Hit, tuple[Change, ...]]]:
    for stage, step in file.steps("EXPOSE"):
        words = step.instruction.args
        for word in words:
            if stage.index in file.shipped and _SSH.fullmatch(step.expand(word.text).text):
                change = without(file, word.span) if len(words) > 1 else removed(step.instruction)
                yield file.hit(word.span, "exposes port 22", stage), (change,)
