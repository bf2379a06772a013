"""Programs are looked for in the current folder.

With `.` or an empty part in PATH, whoever can write to the folder that a command is started in decides what the command is.

Fix: Write whole paths in PATH. No edit is offered, as programs may be found only by the part that has to go.

Bad:
    FROM registry.example.test/base:1.2
    ENV PATH=.:$PATH

Good:
    FROM registry.example.test/base:1.2
    ENV PATH=/opt/app/bin:$PATH
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule


@dockerfile_rule(Severity.MEDIUM, "nist-800-190:4.1.2")
def relative_search_path(file: File) -> Iterator[Hit]:
    """Parts of PATH that do not begin with a slash; what a base image has in it is not known."""
    for stage, step in file.steps("ENV"):
        for pair in step.instruction.pairs if stage.shell[0] != "cmd" else ():
            if pair.name.text != "PATH" or pair.value is None or stage.index not in file.shipped:
                continue
            parts = pair.value.text.strip("\"'").split(":")
            bad = [one for one in parts if one == "." or (one[:1] not in ("/", "$", "~", "\\", "%") and one)]
            if (bad or "" in parts) and ";" not in pair.value.text:
                yield file.hit(pair.name.span, f"has {bad[0][:40] if bad else 'an empty part'} in PATH", stage)
