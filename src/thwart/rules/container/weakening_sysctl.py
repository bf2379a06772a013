"""A container's kernel settings weaken it.

Some kernel settings open what the kernel keeps shut: forwarding between networks, redirects from strangers, other
containers' traffic by local addresses; others count for the whole host.

Fix: Take the setting away. It is no safe fix: routers and VPNs need some of them.

Bad:
    services:
      web:
        image: registry.example.test/web:1.2
        sysctls:
          net.ipv4.conf.all.route_localnet: 1

Good:
    services:
      web:
        image: registry.example.test/web:1.2
        sysctls:
          net.core.somaxconn: 1024
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.container import Container, container_rule
from thwart.rules.container._settings import remove

_OWN = (
    "net.",
    "fs.mqueue.",
    "kernel.msg",
    "kernel.sem",
    "kernel.shm",
    "kernel.domainname",
    "kernel.hostname",
)  # namespaced
_OPENING = re.compile(
    r"net\.ipv[46]\.(?:conf\.[^.]+\.(?:route_localnet|accept_redirects|accept_source_route|forwarding|send_redirects)"
    r"|ip_forward)"
)


@container_rule(Severity.LOW, "nist-800-190:4.4.2", confidence="medium")
def weakening_sysctl(container: Container) -> Iterator[Hit]:
    """Settings that have no namespace change the host, which engines refuse unless the container shares it."""
    for said in container.sysctls:
        name, value = said.value
        if (_OPENING.fullmatch(name) and value.strip() != "0") or not name.startswith(_OWN):
            yield container.hit(said, f"sets {name[:80]} to {value[:40]}", remove("sysctls", said))
