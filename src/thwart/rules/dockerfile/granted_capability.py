"""A file is given a right of root.

Whoever runs the file has the right. These rights are each a way to root: they let a process read or change what is not its
own.

Fix: Leave it out; for a port below 1024, `cap_net_bind_service` alone, or another port. No edit is offered, as the program
may not start without it.

Bad:
    FROM registry.example.test/base:1.2
    RUN setcap cap_sys_admin+ep /usr/local/bin/app

Good:
    FROM registry.example.test/base:1.2
    RUN setcap cap_net_bind_service=+ep /usr/local/bin/app
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule

_POWERFUL = re.compile(
    r"cap_(?:sys_admin|sys_ptrace|sys_module|sys_rawio|dac_override|dac_read_search|setuid|setgid|setfcap|chown|fowner|"
    r"net_admin|sys_chroot|mknod|sys_boot|bpf)|\ball\b|^=",
    re.IGNORECASE,
)


@dockerfile_rule(Severity.MEDIUM, "cis-docker:4.8", "cis-docker:5.4", "nist-800-190:4.1.2")
def granted_capability(file: File) -> Iterator[Hit]:
    """`setcap` with rights that lead to root."""
    for run in file.shipped_runs:
        for call in run.calls:
            if call.name == "setcap" and not call.has("-r"):
                rights = [word for word in call.operands[:-1] if _POWERFUL.search(word)]
                if rights:
                    yield file.hit(call.span, f"grants {rights[0][:80]} to {call.operands[-1][:80]}", run.stage)
