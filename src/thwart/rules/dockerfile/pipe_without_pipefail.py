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
from thwart.rules.dockerfile._commands import Ran
from thwart.rules.dockerfile._mending import Change, above, mended

_ALPINE = 'SHELL ["/bin/ash", "-eo", "pipefail", "-c"]'
_BASH = 'SHELL ["/bin/bash", "-o", "pipefail", "-c"]'
_DEFAULT = ("/bin/sh", "-c")
_SAFE = frozenset({"echo", "printf", "yes", "true", ":"})  # what does not fail, or always does


@dockerfile_rule(Severity.LOW, "hadolint:DL4006")
def pipe_without_pipefail(file: File) -> Iterator[Hit]:
    """Commands whose output is piped on and whose failure nobody looks at."""
    yield from mended(file, list(_found(file)))


def _found(file: File) -> Iterator[tuple[Hit, tuple[Change, ...]]]:
    first: dict[int, int] = {}  # the line of the first such RUN of a stage
    for run in file.runs:
        shell = None
        for call in run.calls:
            at = call.invocation
            if at is None or at.piped_into is None or at.pipefail or at.handled or call.name in _SAFE:
                continue
            hit = file.hit(call.span, f"goes on when {call.name[:80]} fails before a pipe", run.stage)
            shell = _shell(run) if shell is None else shell
            line = first.setdefault(run.stage.index, run.step.instruction.line) if shell and call.text else 0
            yield hit, (above(line, shell),) if line else ()


def _shell(run: Ran) -> str:
    """The SHELL that makes a pipe fail with its parts; empty where another shell than the default one reads the RUN."""
    program = run.step.program()
    if program is None or program.interpreter != _DEFAULT:
        return ""
    return _ALPINE if "alpine" in run.stage.base.text.lower() else _BASH
