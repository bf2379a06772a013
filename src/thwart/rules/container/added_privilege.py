"""A container is given a capability beyond the default.

The engine's default set is already more than most programs need. Each capability beyond it is one more thing that an
intruder may do.

Fix: Take the capability away unless the program fails without it; accept this finding where it does.

Bad:
    services:
      web:
        image: registry.example.test/web:1.2
        cap_add: [IPC_LOCK]

Good:
    services:
      web:
        image: registry.example.test/web:1.2
        cap_drop: [ALL]
        cap_add: [CHOWN]
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.container import Container, container_rule
from thwart.rules.container._settings import remove

_DEFAULT = frozenset(
    {"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "NET_RAW"}
    | {"SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"}
)


@container_rule(Severity.LOW, "cis-docker:5.4", covered_by=("host-breaking-capability", "full-privileges"))
def added_privilege(container: Container) -> Iterator[Hit]:
    """Those of the engine's default set may be added back after `cap_drop: ALL`."""
    for said in container.cap_add:
        if said.value not in _DEFAULT:
            yield container.hit(said, f"is given {said.value}", remove("cap_add", said))
