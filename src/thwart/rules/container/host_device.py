"""A container uses a device of the host.

A raw disk is every file on it; other devices reach into the kernel's drivers. The container may read, write and make
them unless it is told otherwise.

Fix: Take the device away, or leave it only the permissions that it needs: `:r`. No edit is offered: what the program
needs, only its maker knows.

Bad:
    services:
      web:
        image: registry.example.test/web:1.2
        devices: ["/dev/sda:/dev/sda"]

Good:
    services:
      web:
        image: registry.example.test/web:1.2
        devices: ["/dev/dri:/dev/dri"]
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.container import Container, container_rule

_RISKY = re.compile(  # disks, memory, ports, mappers, and folders with all devices
    r"/dev(?:/?$|/(?:sd|hd|vd|xvd|nvme|mmcblk|dm-|mapper|disk|loop|md|nbd|mem|kmem|port|kmsg|core|raw|uinput|vhost)"
    r"|/(?:bus|input|block)\b)"
)


@container_rule(Severity.MEDIUM, "cis-docker:5.18")
def host_device(container: Container) -> Iterator[Hit]:
    """Devices made to be used by programs (/dev/dri, /dev/fuse, /dev/net/tun, serial lines, cameras) are passed over."""
    for said in container.devices:
        if _RISKY.match(said.value.host):
            yield container.hit(said, "is the host's, and none that is made for programs")
    for rule in container.device_cgroup_rules:
        if rule.value.startswith(("a ", "b ")):
            yield container.hit(rule, f"may use devices by the rule {rule.value[:80]!r}")
