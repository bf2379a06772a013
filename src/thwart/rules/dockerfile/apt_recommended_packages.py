"""apt installs packages that were only recommended.

Each package that nobody asked for is one more to have a defect, to be reported and to be updated.

Fix: Write `apt-get install --no-install-recommends`, and name what is then missing.

Bad:
    FROM registry.example.test/base:1.2
    RUN apt-get update && apt-get install -y curl && rm -rf /var/lib/apt/lists/*

Good:
    FROM registry.example.test/base:1.2
    RUN apt-get update && apt-get install -y --no-install-recommends curl && rm -rf /var/lib/apt/lists/*
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule
from thwart.rules.dockerfile._commands import Call
from thwart.rules.dockerfile._mending import flagged, mended

_SETTING = "apt::install-recommends="
_OFF = ("0", "false", "no", "off")


@dockerfile_rule(Severity.LOW, "cis-docker:4.3", "nist-800-190:4.1.2", "hadolint:DL3015", "trivy:DS-0029")
def apt_recommended_packages(file: File) -> Iterator[Hit]:
    """Of the stages whose layers are in the image."""
    yield from mended(file, ((hit, flagged(call, "--no-install-recommends", "install")) for hit, call in _found(file)))


def _found(file: File) -> Iterator[tuple[Hit, Call]]:
    for run in file.runs:
        if run.stage.index not in file.shipped:
            continue
        for call in run.calls:
            if call.name in ("apt-get", "apt") and "install" in call.operands and not _refused(call):
                hit = file.hit(call.span, "installs recommended packages too", run.stage)
                yield hit, call


def _refused(call: Call) -> bool:
    if "--no-install-recommends" in call.words:
        return True
    settings = [word.lower().lstrip("-o").strip("\"'") for word in call.words]
    return any(one.startswith(_SETTING) and one.removeprefix(_SETTING).strip("\"'") in _OFF for one in settings)
