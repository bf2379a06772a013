"""A container has a capability that breaks out of it.

Some capabilities are as good as root on the host: they mount, load modules, trace every process or read any file. A
defect in the program is then a defect of the machine.

Fix: Drop the capability, or find the narrower one that the program needs.

Bad:
    services:
      web:
        image: registry.example.test/web:1.2
        cap_add: [SYS_ADMIN]

Good:
    services:
      web:
        image: registry.example.test/web:1.2
        cap_add: [NET_BIND_SERVICE]
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.container import Container, container_rule
from thwart.rules.container._settings import remove

_BREAKING = frozenset(
    {"ALL", "BPF", "DAC_READ_SEARCH", "MAC_ADMIN", "MAC_OVERRIDE", "NET_ADMIN", "PERFMON", "SYS_ADMIN", "SYS_BOOT"}
    | {"SYS_MODULE", "SYS_PTRACE", "SYS_RAWIO", "SYS_TIME", "SYSLOG", "CHECKPOINT_RESTORE"}
)


@container_rule(Severity.HIGH, "cis-docker:5.4", "nist-800-190:4.4.2", covered_by=("full-privileges",))
def host_breaking_capability(container: Container) -> Iterator[Hit]:
    """Capabilities with which a program leaves its container or changes the host: capabilities(7)."""
    for said in container.cap_add:
        if said.value in _BREAKING:
            yield container.hit(said, f"is given {said.value}", remove("cap_add", said))
