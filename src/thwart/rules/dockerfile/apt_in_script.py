"""apt is used where apt-get is meant for scripts.

apt is for people at a terminal: its options and output may change between versions, and it says so itself.

Fix: Write `apt-get`.

Bad:
    FROM registry.example.test/base:1.2
    RUN apt update && apt install -y --no-install-recommends curl && rm -rf /var/lib/apt/lists/*

Good:
    FROM registry.example.test/base:1.2
    RUN apt-get update && apt-get install -y --no-install-recommends curl && rm -rf /var/lib/apt/lists/*
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule
from thwart.rules.dockerfile._mending import Change, mended, replaced

_SAME = ("install", "update", "upgrade", "remove", "purge", "autoremove", "clean", "autoclean", "download", "source")


@dockerfile_rule(Severity.NEGLIGIBLE, "hadolint:DL3027", "checkov:CKV_DOCKER_9")
def apt_in_script(file: File) -> Iterator[Hit]:
    """Every `apt`; the same words mean the same to `apt-get`."""
    yield from mended(file, list(_found(file)), safe=True)


def _found(file: File) -> Iterator[tuple[Hit, tuple[Change, ...]]]:
    for run in file.runs:
        for call in run.calls:
            if call.name == "apt":
                span = call.where("apt") if call.operands[:1] and call.operands[0] in _SAME else None
                changes = (replaced(span, "apt-get"),) if span else ()
                yield file.hit(call.span, "uses apt, which is for terminals", run.stage), changes
