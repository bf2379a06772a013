"""WORKDIR is relative to a folder that the file does not say.

Where commands run and files land then depends on the base image, and moves when that changes.

Fix: Write the whole path: `WORKDIR /srv/app`.

Bad:
    FROM registry.example.test/base:1.2
    WORKDIR app

Good:
    FROM registry.example.test/base:1.2
    WORKDIR /srv/app
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule
from thwart.rules.dockerfile._mending import mended, replaced

_ABSOLUTE = re.compile(r"/|[A-Za-z]:|\\\\")
_PLAIN = re.compile(r"[\w.-]")


@dockerfile_rule(Severity.LOW, "hadolint:DL3000", "trivy:DS-0009", "checkov:CKV_DOCKER_10")
def relative_workdir(file: File) -> Iterator[Hit]:
    """After an absolute one of the same file, a relative one is as certain."""
    for stage, step in file.steps("WORKDIR"):
        for word in step.instruction.args[:1]:
            value = step.expand(word.text)
            if step.workdir is not None or value.unset or value.error or _ABSOLUTE.match(value.text or "/"):
                continue
            hit = file.hit(word.span, f"has the relative WORKDIR {word.text[:80]}", stage)
            plain = replaced(word.span, f"/{word.text.removeprefix('./')}")
            yield from mended(file, [(hit, (plain,) if _PLAIN.match(word.text) else ())])
