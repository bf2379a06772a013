"""A program of a running container was changed.

Programs and libraries come with the image. What is added to their folders, or replaced there, after the start was scanned and
signed by nobody, and is what an intruder does to stay.

Fix: Make the container again from its image, read-only. Find out who wrote the file before that: the container is
evidence. No edit is offered: it is a running container and no file.

Bad:
    {"thwart-engine": 1, "engine": {"kind": "docker"}, "containers": [{
      "inspect": {"Name": "/web", "HostConfig": {"Memory": 1}},
      "changes": [{"Path": "/usr", "Kind": 0}, {"Path": "/usr/bin", "Kind": 0}, {"Path": "/usr/bin/nc", "Kind": 1}]}]}

Good:
    {"thwart-engine": 1, "engine": {"kind": "docker"}, "containers": [{
      "inspect": {"Name": "/web", "HostConfig": {"Memory": 1}},
      "changes": [{"Path": "/var", "Kind": 0}, {"Path": "/var/cache/x", "Kind": 1}]}]}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.engine import Running, running_rule
from thwart.rules.engine._drift import changed, told

_FOLDERS = tuple(
    f"{root}{name}/"
    for root in ("/", "/usr/", "/usr/local/")
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libexec")
)


@running_rule(Severity.HIGH, "nist-800-190:4.4.4")
def changed_program(running: Running) -> Iterator[Hit]:
    """By path: engines do not tell what kind of file it is."""
    found = changed(running, _FOLDERS)
    if found:
        yield running.hit(f"{told(found)} since it was started", "State")
