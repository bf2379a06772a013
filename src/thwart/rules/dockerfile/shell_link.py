"""/bin/sh is replaced by another shell.

Programs of the base that expect its own shell then get another one. SHELL changes the build alone.

Fix: Write `SHELL ["/bin/bash", "-c"]`. No edit is offered, as programs at run time may need the link by now.

Bad:
    FROM registry.example.test/base:1.2
    RUN ln -sf /bin/bash /bin/sh

Good:
    FROM registry.example.test/base:1.2
    SHELL ["/bin/bash", "-c"]
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule


@dockerfile_rule(Severity.NEGLIGIBLE, "hadolint:DL4005")
def shell_link(file: File) -> Iterator[Hit]:
    """`ln` to /bin/sh."""
    for run in file.shipped_runs:
        for call in run.calls:
            if call.name == "ln" and call.words[-1:] in (("/bin/sh",), ("/usr/bin/sh",)):
                yield file.hit(call.span, "replaces /bin/sh", run.stage)
