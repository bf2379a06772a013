"""Root in the engine's containers is root on the host.

Without a mapping of users, a process that leaves its container by a defect of the kernel or the runtime is root outside. With
`userns-remap`, or with a rootless engine, it is a user that owns nothing.

Fix: Set `"userns-remap": "default"` in `daemon.json`, or run the engine rootless. No edit is offered: the engine's
settings are not among the files.

Bad:
    {"thwart-engine": 1, "engine": {"kind": "docker", "info": {"SecurityOptions": ["name=seccomp,profile=default"]}}}

Good:
    {"thwart-engine": 1, "engine": {"kind": "docker", "info": {
      "SecurityOptions": ["name=seccomp,profile=default", "name=userns"]}}}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.engine import Host, host_rule


@host_rule(Severity.LOW, "cis-docker:2.9")
def no_user_namespace_remap(host: Host) -> Iterator[Hit]:
    """Podman has no such setting for all containers."""
    if host.kind == "docker" and host.answered and not host.rootless and "userns" not in host.options:
        yield host.hit("maps root in containers to root on the host", "info", "SecurityOptions")
