"""apt's lists of packages stay in the image.

The lists are tens of megabytes that nothing reads at run time; a later RUN that removes them only hides them. And an old list
in a cached layer installs old packages.

Fix: End the same RUN with `rm -rf /var/lib/apt/lists/*`, or mount a cache at `/var/lib/apt`.

Bad:
    FROM registry.example.test/base:1.2
    RUN apt-get update && apt-get install -y --no-install-recommends curl

Good:
    FROM registry.example.test/base:1.2
    RUN apt-get update && apt-get install -y --no-install-recommends curl && rm -rf /var/lib/apt/lists/*
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule
from thwart.rules.dockerfile._mending import ended, mended
from thwart.rules.dockerfile._packages import APT

_LISTS = "/var/lib/apt/lists"


@dockerfile_rule(Severity.LOW, "cis-docker:4.3", "hadolint:DL3009")
def apt_lists_kept(file: File) -> Iterator[Hit]:
    """Of the stages whose layers are in the image: an update without a removal in the same RUN, and without a mount."""
    needed = _last_relying(file)
    for run in file.shipped_runs:
        if run.cached(_LISTS) or run.removes(_LISTS):
            continue
        calls = [call for call in run.calls if call.name in APT]
        if any({"distclean", "dist-clean"}.intersection(call.operands) for call in calls):
            continue
        for call in calls:
            if "update" in call.operands:
                hit = file.hit(call.span, "keeps the lists of apt in a layer", run.stage)
                yield from mended(
                    file,
                    [(hit, ended(run, f"rm -rf {_LISTS}/*") if run.step.instruction.line > needed else ())],
                    safe=True,
                )
                break


def _last_relying(file: File) -> int:
    """The line of the last RUN that installs from lists that an earlier one has left; 0 if none does."""
    lines = [0]
    for run in file.runs:
        words = [word for call in run.calls if call.name in APT for word in call.operands]
        if "install" in words and "update" not in words:
            lines.append(run.step.instruction.line)
    return lines[-1]
