"""The engine stores images with a driver that nobody maintains.

`aufs`, `devicemapper` and the first `overlay` were taken out of Docker after years without repairs. Defects in them, which are
defects of the wall between containers and the host's disk, stay.

Fix: Set `"storage-driver": "overlay2"` in `daemon.json`; images have to be pulled again. No edit is offered: the
engine's settings are not among the files.

Bad:
    {"thwart-engine": 1, "engine": {"kind": "docker", "info": {"Driver": "aufs"}}}

Good:
    {"thwart-engine": 1, "engine": {"kind": "docker", "info": {"Driver": "overlay2"}}}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.engine import Host, host_rule


@host_rule(Severity.LOW, "cis-docker:2.6")
def retired_storage_driver(host: Host) -> Iterator[Hit]:
    """Podman's `overlay` is another driver than Docker's of that name."""
    driver = host.info.text("Driver")
    if host.kind == "docker" and driver in ("aufs", "devicemapper", "overlay"):
        yield host.hit(f"stores images with the retired driver {driver}", "info", "Driver")
