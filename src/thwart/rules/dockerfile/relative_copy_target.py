"""Files are copied to a folder that the file does not say.

The destination is relative, and no WORKDIR was set: where the files land depends on the base image, and moves when that
changes.

Fix: Write the whole path, or set `WORKDIR` before.

Bad:
    FROM registry.example.test/base:1.2
    COPY app.py srv/

Good:
    FROM registry.example.test/base:1.2
    COPY app.py /srv/
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


@dockerfile_rule(Severity.LOW, "hadolint:DL3045")
def relative_copy_target(file: File) -> Iterator[Hit]:
    """COPY and ADD before any absolute WORKDIR of the stage and of those that it is built on; ONBUILD has its own."""
    kept: set[int] = set()  # stages of which an ONBUILD sets an absolute WORKDIR
    for stage, step in file.steps("COPY", "ADD", "WORKDIR"):
        words = step.instruction.args
        if step.instruction.name == "WORKDIR":
            kept |= {stage.index for word in words if _ABSOLUTE.match(step.expand(word.text).text)}
        elif step.workdir is None and len(words) > 1 and stage.index not in kept:
            target = words[-1]
            value = step.expand(target.text)
            if value.text and not value.unset and not value.error and not _ABSOLUTE.match(value.text):
                hit = file.hit(target.span, f"copies to the relative {value.text[:80]}", stage)
                plain = "/" if target.text in (".", "./") else f"/{target.text.removeprefix('./')}"
                sure = _PLAIN.match(target.text) and not step.instruction.exec_form and stage.shell[0] != "cmd"
                yield from mended(file, [(hit, (replaced(target.span, plain),) if sure else ())])
