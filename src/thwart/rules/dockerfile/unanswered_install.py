"""An installation may wait for an answer.

A build has nobody to ask. A package manager that wants to install more than was named asks, gets no answer and stops, or
stops only on the day when a package needs another one.

Fix: Write `-y`, for zypper `--non-interactive`.

Bad:
    FROM registry.example.test/base:1.2
    RUN apt-get update && apt-get install --no-install-recommends curl && rm -rf /var/lib/apt/lists/*

Good:
    FROM registry.example.test/base:1.2
    RUN apt-get update && apt-get install -y --no-install-recommends curl && rm -rf /var/lib/apt/lists/*
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule
from thwart.rules.dockerfile._commands import UNKNOWN, Call
from thwart.rules.dockerfile._mending import flagged, mended
from thwart.rules.dockerfile._packages import APT, RPM, Action, actions

_FLAGS = {
    **dict.fromkeys(APT, ("-y", "--yes", "--assume-yes", "--force-yes", "-qq", "--quiet=2", "-q=2")),
    **dict.fromkeys(RPM, ("-y", "--assumeyes", "--assumeno")),
    "zypper": ("-n", "--non-interactive", "-y", "--no-confirm", "--quiet-install"),
}
_CONFIGURED = ("apt.conf", "dnf.conf", "yum.conf", "assumeyes", "Assume-Yes")


@dockerfile_rule(
    Severity.LOW, "hadolint:DL3014", "hadolint:DL3030", "hadolint:DL3034", "hadolint:DL3038", "trivy:DS-0021"
)
def unanswered_install(file: File) -> Iterator[Hit]:
    """Installations that no flag, no setting and no `yes |` answers."""
    yield from mended(file, ((hit, flagged(call, "-y", verb)) for hit, call, verb in _found(file)), safe=True)


def _found(file: File) -> Iterator[tuple[Hit, Call, str]]:
    if any(word in file.text for word in _CONFIGURED):
        return
    for run in file.runs:
        for action in actions(run):
            if action.installs and action.manager in _FLAGS and not _answered(action):
                yield file.hit(action.call.span, f"{action.manager} may ask", run.stage), action.call, action.verb


def _answered(action: Action) -> bool:
    call = action.call
    if call.has(*_FLAGS[action.manager]) or any(word.startswith("-qq") for word in call.words):
        return True
    piped = call.invocation is not None and (call.invocation.position > 0 or bool(call.invocation.command.redirects))
    return piped or any(UNKNOWN in word for word in call.words) or call.has("--help", "--download-only", "--dry-run")
