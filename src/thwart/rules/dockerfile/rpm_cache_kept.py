"""The cache of dnf, yum or zypper stays in the image.

Metadata and downloaded packages are tens of megabytes that nothing reads at run time; a later RUN that removes them only
hides them.

Fix: End the same RUN with `dnf clean all`, or mount a cache at `/var/cache/dnf`.

Bad:
    FROM registry.example.test/base:1.2
    RUN dnf install -y curl

Good:
    FROM registry.example.test/base:1.2
    RUN dnf install -y curl && dnf clean all
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule
from thwart.rules.dockerfile._commands import Call, Ran
from thwart.rules.dockerfile._mending import ended, mended
from thwart.rules.dockerfile._packages import RPM, Action, actions

_FAMILY = {"dnf5": "dnf", "yum": "dnf"}  # names of the same program, or of those that share a cache
_FETCHES = ("update", "upgrade", "up", "dup", "dist-upgrade", "distro-sync", "patch")
_CACHES = ("/var/cache/dnf", "/var/cache/yum", "/var/cache/libdnf5", "/var/cache/zypp", "/var/cache/tdnf")


@dockerfile_rule(
    Severity.LOW,
    "cis-docker:4.3",
    "hadolint:DL3032",
    "hadolint:DL3036",
    "hadolint:DL3040",
    "trivy:DS-0015",
    "trivy:DS-0019",
    "trivy:DS-0020",
)
def rpm_cache_kept(file: File) -> Iterator[Hit]:
    """Of the stages whose layers are in the image: an installation without a cleaning after it in the same RUN."""
    for run in file.shipped_runs:
        if run.cached(*_CACHES) or any(run.removes(path) for path in _CACHES):
            continue
        for action in actions(run):
            if _fetches(action) and not _cleaned(run, action):
                hit = file.hit(action.call.span, f"keeps the cache of {action.manager} in a layer", run.stage)
                cleaning = f"{action.manager} clean{'' if action.manager == 'zypper' else ' all'}"
                yield from mended(file, [(hit, ended(run, cleaning))], safe=True)
                break


def _fetches(action: Action) -> bool:
    return action.manager in (*RPM, "zypper") and (action.installs or action.verb in _FETCHES)


def _cleaned(run: Ran, action: Action) -> bool:
    """Whether a later command of the RUN empties the cache of this manager."""
    later = False
    for call in run.calls:
        if later and _cleans(call) and _family(call.name) == _family(action.manager):
            return True
        later = later or call is action.call
    return False


def _cleans(call: Call) -> bool:
    if call.name == "zypper":
        return bool({"clean", "cc"}.intersection(call.operands))
    return call.name in RPM and {"clean", "all"} <= set(call.operands)


def _family(manager: str) -> str:
    return _FAMILY.get(manager, manager)
