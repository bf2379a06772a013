"""Configuration in a running container was changed.

Files below `/etc` were added or replaced after the start: users, schedules, trusted certificates, settings of programs. It may
be the program's own doing at its start, and it is lost when the container is made again, so that nobody can repeat it.

Fix: Put the file into the image, or mount it as a configuration; then run the container read-only. No edit is
offered: it is a running container and no file.

Bad:
    {"thwart-engine": 1, "engine": {"kind": "docker"}, "containers": [{
      "inspect": {"Name": "/web", "HostConfig": {"Memory": 1}},
      "changes": [{"Path": "/etc", "Kind": 0}, {"Path": "/etc/ld.so.preload", "Kind": 1}]}]}

Good:
    {"thwart-engine": 1, "engine": {"kind": "docker"}, "containers": [{
      "inspect": {"Name": "/web", "HostConfig": {"Memory": 1}},
      "changes": [{"Path": "/etc", "Kind": 0}, {"Path": "/etc/hosts", "Kind": 1}]}]}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.engine import Running, running_rule
from thwart.rules.engine._drift import changed, told


@running_rule(Severity.LOW, "nist-800-190:4.4.4", confidence="medium")
def changed_configuration(running: Running) -> Iterator[Hit]:
    """What engines themselves write there is left out."""
    found = changed(running, ("/etc/",))
    if found:
        yield running.hit(f"{told(found)} since it was started", "State")
