"""A volume lies over what is the engine's or the system's.

A volume over the socket of an engine is made to give root on the host to the container; one over a folder of the system
lets whatever is in the volume replace it, or keeps secrets in an unnamed volume for longer than the container lives.

Fix: Remove the VOLUME; mount what is needed when the container runs. No edit is offered, as the container may rely on it.

Bad:
    FROM registry.example.test/base:1.2
    VOLUME /var/run/docker.sock

Good:
    FROM registry.example.test/base:1.2
    VOLUME /var/lib/app
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule

_SOCKETS = re.compile(r"/(?:docker|containerd|podman|crio|buildkitd|cri-dockerd)\.sock$")
_SYSTEM = frozenset(
    [
        "/",
        "/boot",
        "/dev",
        "/etc",
        "/lib",
        "/lib64",
        "/proc",
        "/sys",
        "/usr",
        "/bin",
        "/sbin",
        "/root",
        "/run",
        "/var/run",
        "/run/secrets",
        "/var/run/secrets",
    ]
)
_SECRETS = re.compile(r"/(?:\.ssh|\.aws|\.gnupg|\.kube|\.docker)$|^(?:/var)?/run/secrets/")


@dockerfile_rule(Severity.HIGH, "cis-docker:5.5", "cis-docker:5.32", "trivy:DS-0030")
def sensitive_volume(file: File) -> Iterator[Hit]:
    """Sockets of engines, folders of the system and those for secrets."""
    for stage, step in file.steps("VOLUME"):
        for word in step.instruction.args if stage.index in file.shipped else ():
            path = step.expand(word.text).text
            path = path.rstrip("/") or path[:1]
            if _SOCKETS.search(path) or path in _SYSTEM or _SECRETS.search(path):
                yield file.hit(word.span, f"declares a volume at {path[:80]}", stage)
