"""A RUN changes its folder.

The change ends with the RUN: one that ends by it does nothing, and after one that begins by it the next RUN is back where
it was. WORKDIR says it once, and makes the folder.

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
    """The first command of a RUN, or the only change as its last; in here-documents it is as good as in any script."""
    for run in file.runs:
        changes = [call for call in run.calls if call.name == "cd"]
        call = changes[0] if changes else None
        if call is None or run.step.instruction.heredocs or call.invocation is None or call.invocation.handled:
            continue
        useless = len(changes) == 1 and call is run.calls[-1]
        if len(call.words) == 1 and call.words[0].startswith("/") and (useless or call is run.calls[0]):
            folder = call.words[0][:80]
            phrase = f"ends by changing to {folder}, to no effect" if useless else f"changes to {folder} for one RUN"
            yield file.hit(call.span, phrase, run.stage)
