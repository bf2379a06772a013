"""apk's index stays in the image.

The index of packages is of no use at run time, and an old one in a cached layer installs old packages.

Fix: Write `apk add --no-cache`, which also makes `apk update` needless.

Bad:
    FROM registry.example.test/base:1.2
    RUN apk add curl

Good:
    FROM registry.example.test/base:1.2
    RUN apk add --no-cache curl
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule
from thwart.rules.dockerfile._commands import Call
from thwart.rules.dockerfile._mending import flagged, mended
from thwart.rules.dockerfile._packages import actions

_CACHE = "/var/cache/apk"


@dockerfile_rule(Severity.LOW, "cis-docker:4.3", "hadolint:DL3019", "trivy:DS-0025", "dockle:DKL-DI-0004")
def apk_cache_kept(file: File) -> Iterator[Hit]:
    """Of the stages whose layers are in the image."""
    yield from mended(file, ((hit, flagged(call, "--no-cache", "add")) for hit, call in _found(file)), safe=True)


def _found(file: File) -> Iterator[tuple[Hit, Call]]:
    for run in file.shipped_runs:
        if run.cached(_CACHE, "/etc/apk/cache") or run.removes(_CACHE):
            continue
        for action in actions(run):
            if action.manager == "apk" and action.installs and not action.call.has("--no-cache"):
                yield file.hit(action.call.span, "keeps the index of apk in a layer", run.stage), action.call
