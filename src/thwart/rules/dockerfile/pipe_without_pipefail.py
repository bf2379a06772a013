"""A build goes on although a part of a pipe failed.

Of a pipe, only the last command's failure counts, unless the shell is told otherwise. A download that breaks off leaves a layer
that looks well.

Fix: Set `SHELL ["/bin/bash", "-o", "pipefail", "-c"]` before, or begin the RUN with `set -o pipefail`.

Bad:
    FROM registry.example.test/base:1.2
    RUN curl -fsS https://downloads.example.test/tool.tar.gz | tar xz

Good:
    FROM registry.example.test/base:1.2
    SHELL ["/bin/bash", "-o", "pipefail", "-c"]
    RUN curl -fsS https://downloads.example.test/tool.tar.gz | tar xz
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule

_SAFE = frozenset({"echo", "printf", "yes", "true", ":"})  # what does not fail, or always does


@dockerfile_rule(Severity.LOW, "hadolint:DL4006")
def pipe_without_pipefail(file: File) -> Iterator[Hit]:
    """Commands whose output is piped on and whose failure nobody looks at."""
    for run in file.runs:
        for call in run.calls:
            at = call.invocation
            if at is None or at.piped_into is None or at.pipefail or at.handled or call.name in _SAFE:
                continue
            yield file.hit(call.span, f"goes on when {call.name[:80]} fails before a pipe", run.stage)
