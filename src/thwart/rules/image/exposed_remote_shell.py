"""The image exposes a port for remote administration.

SSH, telnet, VNC or an engine's own API inside a container is a second way in, with accounts and keys of its own, past what the
orchestrator logs and allows.

Fix: Take the server and its EXPOSE out of the image; use `docker exec` or `kubectl exec`, which are logged and
allowed by role. No edit is offered: the image is not the Dockerfile it was built from.

Bad:
    config: {User: "10001", ExposedPorts: {22/tcp: {}}}

Good:
    config: {User: "10001", ExposedPorts: {8443/tcp: {}}}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.image import Image, image_rule

_PORTS = {
    "22": "SSH",
    "23": "telnet",
    "512": "rexec",
    "513": "rlogin",
    "514": "rsh",
    "2375": "the engine without TLS",
    "2376": "the engine",
    "3389": "remote desktops",
    "5900": "VNC",
}


@image_rule(Severity.MEDIUM, "cis-docker:5.7", "nist-800-190:4.1.2")
def exposed_remote_shell(image: Image) -> Iterator[Hit]:
    """By the numbers that are assigned to such services."""
    for stated in image.mapping("config", "ExposedPorts"):
        port = stated.partition("/")[0]
        if port in _PORTS and not stated.endswith("/udp"):
            yield image.stated(f"exposes port {port}, which is for {_PORTS[port]}", "config", "ExposedPorts", stated)
