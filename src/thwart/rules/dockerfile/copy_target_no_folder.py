"""Several files are copied to one name.

With several sources the destination must be a folder and end with a slash: BuildKit guesses, and other builders refuse.

Fix: End the destination with `/`.

Bad:
    FROM registry.example.test/base:1.2
    COPY a.py b.py /srv

Good:
    FROM registry.example.test/base:1.2
    COPY a.py b.py /srv/
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule
from thwart.rules.dockerfile._mending import after, mended


@dockerfile_rule(Severity.LOW, "hadolint:DL3021", "trivy:DS-0011")
def copy_target_no_folder(file: File) -> Iterator[Hit]:
    """COPY and ADD with two sources or more; `.` and `..` are folders."""
    for stage, step in file.steps("COPY", "ADD"):
        instruction = step.instruction
        if len(instruction.sources) < 2:
            continue
        target = instruction.args[-1]
        value = step.expand(target.text)
        if value.unset or value.error or value.text.endswith(("/", "/.", "\\", '"', "'")) or value.text in (".", ".."):
            continue
        changes = () if instruction.exec_form else (after(target.span, "/"),)
        hit = file.hit(target.span, f"copies several sources to {value.text[:80]}", stage)
        yield from mended(file, [(hit, changes)], safe=True)
