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

_LISTS = "/var/lib/apt/lists"


@dockerfile_rule(Severity.LOW, "cis-docker:4.3", "hadolint:DL3009")
def apt_lists_kept(file: File) -> Iterator[Hit]:
    """Of the stages whose layers are in the image: an update without a removal in the same RUN, and without a mount."""
    for run in file.runs:
        if run.stage.index not in file.shipped or run.cached(_LISTS) or run.removes(_LISTS):
            continue
        calls = [call for call in run.calls if call.name in ("apt-get", "apt", "aptitude")]
        if any({"distclean", "dist-clean"}.intersection(call.operands) for call in calls):
            continue
        for call in calls:
            if "update" in call.operands:
                yield file.hit(call.span, "keeps the lists of apt in a layer", run.stage)
                break
