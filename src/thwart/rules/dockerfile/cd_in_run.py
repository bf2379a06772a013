"""A RUN begins by changing its folder.

The change ends with the RUN, which is easily forgotten in the next one. WORKDIR says it once, and makes the folder.

Fix: Set `WORKDIR` before the RUN. No edit is offered, as WORKDIR also holds for everything after it.

Bad:
    FROM registry.example.test/base:1.2
    RUN cd /srv && make

Good:
    FROM registry.example.test/base:1.2
    WORKDIR /srv
    RUN make
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule


@dockerfile_rule(Severity.NEGLIGIBLE, "hadolint:DL3003", "trivy:DS-0013")
def cd_in_run(file: File) -> Iterator[Hit]:
    """The first command of a RUN that has more than one; in here-documents it is as good as in any script."""
    for run in file.runs:
        call = run.calls[0] if len(run.calls) > 1 else None
        if call is None or call.name != "cd" or run.step.instruction.heredocs or call.invocation is None:
            continue
        if len(call.words) == 1 and call.words[0].startswith("/") and not call.invocation.handled:
            yield file.hit(call.span, f"changes to {call.words[0][:80]} for one RUN", run.stage)
