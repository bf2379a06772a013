"""Commands run in a folder of the system.

What a program writes without a path then lands among the files of the system, of the kernel or of the devices.

Fix: Use a folder of the application's own: `WORKDIR /srv/app`. No edit is offered, as the program may look there for its
files.

Bad:
    FROM registry.example.test/base:1.2
    WORKDIR /etc

Good:
    FROM registry.example.test/base:1.2
    WORKDIR /srv/app
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule

_EXACT = frozenset(
    [
        "/etc",
        "/boot",
        "/bin",
        "/sbin",
        "/lib",
        "/lib64",
        "/usr",
        "/usr/bin",
        "/usr/sbin",
        "/usr/lib",
        "/root/.ssh",
        "/run/secrets",
    ]
)
_KERNEL = ("/proc", "/sys", "/dev")


@dockerfile_rule(Severity.MEDIUM, "trivy:DS-0030", "dockle:DKL-DI-0002")
def system_workdir(file: File) -> Iterator[Hit]:
    """WORKDIR in the stages that the image is built on."""
    for stage, step in file.steps("WORKDIR"):
        for word in step.instruction.args[:1] if stage.index in file.shipped else ():
            path = step.expand(word.text).text.rstrip("/")
            if path in _EXACT or any(path == one or path.startswith(f"{one}/") for one in _KERNEL):
                yield file.hit(word.span, f"has the WORKDIR {path[:80]}", stage)
