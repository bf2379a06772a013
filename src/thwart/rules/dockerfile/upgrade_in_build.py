"""All packages of the base are upgraded in the build.

The same Dockerfile gives another image each day, while a cached layer keeps yesterday's packages: the upgrade looks done
and is not. What a base fixes, a newer base has in fewer layers.

Fix: Build on a newer base, and name the packages that cannot wait for it. No edit is offered: without the upgrade a fix may
be missing until the base has it.

Bad:
    FROM registry.example.test/base:1.2
    RUN apt-get update && apt-get -y upgrade && rm -rf /var/lib/apt/lists/*

Good:
    FROM registry.example.test/base:1.2
    RUN apt-get update && apt-get -y install --only-upgrade openssl && rm -rf /var/lib/apt/lists/*
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule
from thwart.rules.dockerfile._packages import APT, RPM, actions

_WHOLE = {
    **dict.fromkeys(APT, frozenset({"upgrade", "dist-upgrade", "full-upgrade", "safe-upgrade"})),
    **dict.fromkeys(RPM, frozenset({"update", "upgrade", "distro-sync", "upgrade-minimal", "update-minimal"})),
    "zypper": frozenset({"update", "up", "dup", "dist-upgrade", "patch"}),
    "apk": frozenset({"upgrade"}),
}


@dockerfile_rule(
    Severity.NEGLIGIBLE, "hadolint:DL3005", "hadolint:DL3017", "hadolint:DL3031", "hadolint:DL3035", "trivy:DS-0024"
)
def upgrade_in_build(file: File) -> Iterator[Hit]:
    """Of the stages whose layers are in the image; an upgrade of named packages is deliberate."""
    for run in file.shipped_runs:
        for action in actions(run):
            if action.verb in _WHOLE[action.manager] and not action.names and not action.call.has("--security"):
                yield file.hit(action.call.span, f"upgrades every package by {action.manager}", run.stage)
