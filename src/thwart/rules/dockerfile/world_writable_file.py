"""A file is made writable for everybody.

Any process of the container, whatever its user, can then change the program that another one runs.

Fix: Give the file to the user that writes it (`chown`, `COPY --chown`), and write access to nobody else.

Bad:
    FROM registry.example.test/base:1.2
    RUN chmod -R 777 /srv

Good:
    FROM registry.example.test/base:1.2
    RUN chmod -R 755 /srv && chmod 1777 /tmp
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule
from thwart.rules.dockerfile._commands import Call
from thwart.rules.dockerfile._mending import mended, replaced
from thwart.rules.dockerfile._modes import mode_of

_EVERYBODYS = ("/tmp", "/var/tmp", "/dev/")  # noqa: S108 - names in a Dockerfile
_OCTAL = re.compile(r"[0-7]{3,5}")
_ADDED = re.compile(r"(?:^|,)[ugo]*[oa][ugoa]*[+=][rxXst]*w")


@dockerfile_rule(Severity.MEDIUM, "nist-800-190:4.1.2", confidence="medium")
def world_writable_file(file: File) -> Iterator[Hit]:
    """`chmod`, `install -m`, `mkdir -m`, and `--chmod` of COPY and ADD, where the image has the files."""
    for run in file.shipped_runs:
        for call in run.calls:
            mode = mode_of(call)
            if mode and _open(mode) and not _scratch(call):
                hit = file.hit(call.span, f"sets the mode {mode[:40]} with {call.name}", run.stage)
                span = call.where(mode) if _OCTAL.fullmatch(mode) else None
                yield from mended(file, [(hit, (replaced(span, _closed(mode)),) if span else ())])
    for stage, step in file.steps("COPY", "ADD"):
        mode = step.expand(step.instruction.flag("chmod") or "").text
        if stage.index in file.shipped and _open(mode):
            flag = next(one for one in step.instruction.flags if one.name == "chmod")
            changes = (replaced(flag.span, f"--chmod={_closed(mode)}"),) if _OCTAL.fullmatch(mode) else ()
            hit = file.hit(step.instruction.span, f"sets the mode {mode[:40]} with {step.instruction.name}", stage)
            yield from mended(file, [(hit, changes)])


def _open(mode: str) -> bool:
    """Whether others may write, and in a folder remove what is not theirs."""
    if _OCTAL.fullmatch(mode):
        value = int(mode, 8)
        return bool(value & 0o002) and not value & 0o1000
    return _ADDED.search(mode) is not None and "t" not in mode


def _closed(mode: str) -> str:
    """The mode without writing for others."""
    return f"{mode[:-1]}{int(mode[-1]) & 5}"


def _scratch(call: Call) -> bool:
    """Folders that are there for everybody."""
    operands = call.operands[1:]
    return bool(operands) and all(word.startswith(_EVERYBODYS) for word in operands)
