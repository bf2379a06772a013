"""A container mounts a folder of the host's system.

With `/etc`, `/usr` or the root folder of the host, whoever takes the container over reads the host's passwords and
keys, or writes its programs and timers.

Fix: Mount only the file that is needed, for reading; or a volume.

Bad:
    services:
      web:
        image: registry.example.test/web:1.2
        volumes: ["/etc:/host/etc"]

Good:
    services:
      web:
        image: registry.example.test/web:1.2
        volumes: ["/etc/localtime:/etc/localtime:ro"]
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.container import Container, container_rule
from thwart.rules.container._paths import is_system_folder
from thwart.rules.container._settings import remove


@container_rule(Severity.HIGH, "cis-docker:5.6", "nist-800-190:4.4.5", covered_by=("mounted-engine-socket",))
def system_folder_mount(container: Container) -> Iterator[Hit]:
    """Folders of CIS 5.6 and what is next to them; single files of them such as /etc/localtime are passed over."""
    for said in container.mounts:
        if said.value.kind == "bind" and is_system_folder(said.value.path):
            way = "readable" if said.value.read_only else "writable"
            yield container.hit(said, f"is the host's {said.value.path}, {way}", remove("mounts", said))
