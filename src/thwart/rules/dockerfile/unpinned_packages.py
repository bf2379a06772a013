"""Packages of the distribution are installed without versions.

The next build may install other versions. The repositories of most distributions keep only the newest one, so that pinning
has a price; a base pinned by digest and an SBOM of what was built tell as much.

Fix: Name versions, `curl=8.5.0-2`, where builds must not change by themselves. No edit is offered: which version is wanted
is not in the file.

Bad:
    FROM registry.example.test/base:1.2
    RUN apk add --no-cache curl

Good:
    FROM registry.example.test/base:1.2
    RUN apk add --no-cache curl=8.12.1-r1
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule
from thwart.rules.dockerfile._commands import UNKNOWN
from thwart.rules.dockerfile._packages import actions

_FILES = (".deb", ".rpm", ".apk")
_PINNED = re.compile(r"[=<>~]|-[0-9].*[.-]|:[0-9][0-9.]*(?:/\w+)?$")


@dockerfile_rule(
    Severity.NEGLIGIBLE, "hadolint:DL3008", "hadolint:DL3018", "hadolint:DL3033", "hadolint:DL3037", "hadolint:DL3041"
)
def unpinned_packages(file: File) -> Iterator[Hit]:
    """Of the stages whose layers are in the image."""
    for run in file.shipped_runs:
        for action in actions(run):
            if action.installs and any(not _pinned(name) for name in action.names):
                yield file.hit(action.call.span, f"installs packages by {action.manager} without versions", run.stage)


def _pinned(name: str) -> bool:
    """A version, a group or a file; `python3.11` is a name. What is not known may be all of it."""
    if UNKNOWN in name or name[:1] in "./@" or "://" in name or name.endswith(_FILES):
        return True
    return _PINNED.search(name) is not None
