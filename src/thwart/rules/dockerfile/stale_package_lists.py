"""Lists of packages are refreshed in a layer of their own.

The layer is cached: when the next RUN changes, it installs from lists that may be months old, so that the package is
missing or without its fixes.

Fix: Refresh and install in the same RUN: `apt-get update && apt-get install -y …`. No edit is offered, as joining two
instructions is for a person to read.

Bad:
    FROM registry.example.test/base:1.2
    RUN apt-get update
    RUN apt-get install -y --no-install-recommends curl

Good:
    FROM registry.example.test/base:1.2
    RUN apt-get update && apt-get install -y --no-install-recommends curl && rm -rf /var/lib/apt/lists/*
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule
from thwart.rules.dockerfile._packages import APT, Action, actions

_REFRESH = {**dict.fromkeys(APT, ("update",)), "apk": ("update",), "zypper": ("refresh", "ref")}
_FAMILY = dict.fromkeys(APT, "apt")
_STATE = ("/var/lib/apt", "/var/cache/apk", "/var/cache/zypp")


@dockerfile_rule(Severity.MEDIUM, "cis-docker:4.7", "trivy:DS-0017", "checkov:CKV_DOCKER_5", "dockle:CIS-DI-0007")
def stale_package_lists(file: File) -> Iterator[Hit]:
    """A refresh without an installation, where a later RUN of the stage installs without a refresh of its own; and one that
    is all of a RUN, after which the stage installs nothing."""
    relies: dict[tuple[int, str], bool] = {}  # of a stage and a family: whether what comes next installs from old lists
    found = []
    for run in reversed(file.runs):
        told = list(actions(run))
        for family in dict.fromkeys(_family(action) for action in told):
            same = [one for one in told if _family(one) == family]
            refresh = next((one for one in same if one.verb in _REFRESH.get(one.manager, ())), None)
            installs = any(one.installs for one in same)
            key = (run.stage.index, family)
            alone = len(same) == len(run.calls) and all(one.verb in _REFRESH.get(one.manager, ()) for one in same)
            if refresh and not installs and relies.get(key, alone) and not run.cached(*_STATE):
                phrase = f"refreshes the lists of {family} in a layer of its own"
                found.append(file.hit(refresh.call.span, phrase, run.stage))
            fresh = any(one.call.has("--no-cache", "-U", "--update-cache", "--update") for one in same)
            if installs or refresh:
                relies[key] = installs and not refresh and not fresh
    yield from reversed(found)


def _family(action: Action) -> str:
    return _FAMILY.get(action.manager, action.manager)
