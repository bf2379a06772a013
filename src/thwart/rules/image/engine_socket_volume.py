"""The image asks for the engine's socket as a volume.

Whoever can write to the socket of the engine is root of the host.

Fix: Take the VOLUME out of the Dockerfile, and talk to the engine through a proxy that allows only what is needed. No
edit is offered: the image is not the Dockerfile it was built from.

Bad:
    config: {User: "10001", Volumes: {/var/run/docker.sock: {}}}

Good:
    config: {User: "10001", Volumes: {/data: {}}}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.image import Image, image_rule


@image_rule(Severity.HIGH, "cis-docker:5.32", "trivy:DS-0030")
def engine_socket_volume(image: Image) -> Iterator[Hit]:
    """Docker's, containerd's, CRI-O's and Podman's."""
    for path in image.mapping("config", "Volumes"):
        if path.rstrip("/").endswith(("docker.sock", "containerd.sock", "crio.sock", "podman.sock")):
            yield image.stated(f"declares the volume {path[:100]}", "config", "Volumes", path)
