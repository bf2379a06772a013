"""Containers stop when the engine does.

Without `live-restore` a restart of the engine, as every patch of it needs one, ends all containers. So the patch waits.

Fix: Set `"live-restore": true` in `daemon.json`. Swarm mode does not allow it. No edit is offered: the engine's
settings are not among the files.

Bad:
    {"thwart-engine": 1, "engine": {"kind": "docker", "info": {"LiveRestoreEnabled": false}}}

Good:
    {"thwart-engine": 1, "engine": {"kind": "docker", "info": {"LiveRestoreEnabled": true}}}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.engine import Host, host_rule


@host_rule(Severity.LOW, "cis-docker:2.15")
def no_live_restore(host: Host) -> Iterator[Hit]:
    """Podman has no daemon whose restart would matter."""
    swarm = host.info.text("Swarm", "LocalNodeState") == "active"
    if host.kind == "docker" and host.info.flag("LiveRestoreEnabled") is False and not swarm:
        yield host.hit("ends its containers when it is restarted", "info", "LiveRestoreEnabled")
