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

_ABSOLUTE = re.compile(r"/|[A-Za-z]:|\\\\|[\"']|\$")


@dockerfile_rule(Severity.LOW, "hadolint:DL3045")
def relative_copy_target(file: File) -> Iterator[Hit]:
    """COPY and ADD before any absolute WORKDIR of the stage and of those that it is built on."""
    for stage, step in file.steps("COPY", "ADD"):
        words = step.instruction.args
        if step.workdir is None and len(words) > 1 and stage.shell[0] != "cmd":
            target = words[-1]
            value = step.expand(target.text).text
            if value and not _ABSOLUTE.match(value) and not _ABSOLUTE.match(target.text):
                plain = "/" if target.text in (".", "./") else f"/{target.text.removeprefix('./')}"
                changes = () if step.instruction.exec_form else (replaced(target.span, plain),)
                yield from mended(
                    file, [(file.hit(target.span, f"copies to the relative {value[:80]}", stage), changes)]
                )
