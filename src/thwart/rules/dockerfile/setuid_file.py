"""A file is given the set-user-ID or set-group-ID bit.

Whoever runs such a file has the rights of its owner, mostly root: a way up for an intruder that no user in the image asked
for.

Fix: Leave the bit out; if a program needs one right of root, give it that capability, or a service of its own. No edit is
offered, as the program may not work without it.

Bad:
    FROM registry.example.test/base:1.2
    RUN chmod u+s /usr/local/bin/helper

Good:
    FROM registry.example.test/base:1.2
    RUN chmod 0755 /usr/local/bin/helper && chmod a-s /usr/bin/other
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule
from thwart.rules.dockerfile._modes import mode_of

_OCTAL = re.compile(r"[0-7]{4,8}")
_ADDED = re.compile(r"[+=][rwxXtugo]*s")


@dockerfile_rule(Severity.MEDIUM, "cis-docker:4.8", "nist-800-190:4.1.2", "dockle:CIS-DI-0008")
def setuid_file(file: File) -> Iterator[Hit]:
    """`chmod`, `install -m`, and `--chmod` of COPY and ADD."""
    for run in file.runs:
        for call in run.calls:
            mode = mode_of(call)
            if mode and _special(mode):
                yield file.hit(call.span, f"sets the mode {mode[:40]} with {call.name}", run.stage)
    for stage, step in file.steps("COPY", "ADD"):
        mode = step.expand(step.instruction.flag("chmod") or "").text
        if _special(mode):
            yield file.hit(step.instruction.span, f"sets the mode {mode[:40]} with {step.instruction.name}", stage)


def _special(mode: str) -> bool:
    if _OCTAL.fullmatch(mode):
        return bool(int(mode, 8) & 0o6000)
    return _ADDED.search(mode) is not None
