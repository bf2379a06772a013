"""The engine cannot limit what containers use.

The kernel's controller is missing or switched off, so that limits are taken and not kept: one container may take the memory,
the processes or the processors of the host.

Fix: Switch the controller on (on many systems `cgroup_enable=memory swapaccount=1` on the kernel's command line). No
edit is offered: the engine's settings are not among the files.

Bad:
    {"thwart-engine": 1, "engine": {"kind": "docker", "info": {"MemoryLimit": false, "PidsLimit": true, "CpuCfsQuota": true}}}

Good:
    {"thwart-engine": 1, "engine": {"kind": "docker", "info": {"MemoryLimit": true, "PidsLimit": true, "CpuCfsQuota": true}}}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit, listed
from thwart.rules.engine import Host, host_rule

_FIELDS = {"MemoryLimit": "memory", "PidsLimit": "the number of processes", "CpuCfsQuota": "processor time"}


@host_rule(Severity.MEDIUM, "nist-800-190:4.4.3")
def engine_cannot_limit(host: Host) -> Iterator[Hit]:
    """What `/info` says of the kernel's controllers."""
    missing = [field for field in _FIELDS if host.info.flag(field) is False]
    if missing:
        yield host.hit(f"cannot limit {listed([_FIELDS[field] for field in missing])}", "info", missing[0])
