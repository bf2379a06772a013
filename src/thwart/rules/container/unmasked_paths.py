"""A container sees the kernel's masked paths.

The engine hides `/proc/kcore`, `/proc/keys`, `/sys/firmware` and more, and lets `/proc/sys` only be read.
`systempaths=unconfined` opens them: root in the container changes the kernel's settings for all.

Fix: Take `systempaths=unconfined` and `unmask` away.

Bad:
    services:
      web:
        image: registry.example.test/web:1.2
        security_opt: ["systempaths=unconfined"]

Good:
    services:
      web:
        image: registry.example.test/web:1.2
        security_opt: ["no-new-privileges:true"]
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.container import Container, container_rule
from thwart.rules.container._settings import remove


@container_rule(Severity.HIGH, "nist-800-190:4.4.2", covered_by=("full-privileges",))
def unmasked_paths(container: Container) -> Iterator[Hit]:
    """`unmask` is Podman's word."""
    for said in container.security_opt:
        key, _, value = said.value.partition("=")
        if (key == "systempaths" and value == "unconfined") or (key == "unmask" and value):
            yield container.hit(said, "sees the kernel's masked paths", remove("security_opt", said))
