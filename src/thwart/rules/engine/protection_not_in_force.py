"""A protection that the engine states is not in force.

The first process of the container runs without a seccomp filter, may gain privileges, or has capabilities, although the
settings say otherwise. The runtime did not do what it was told, and nobody would notice by asking the engine.

Fix: Find out which runtime started the container and whether the kernel supports the protection; start the container
again. No edit is offered: it is a running container and no file.

Bad:
    {"thwart-engine": 1, "engine": {"kind": "docker"}, "containers": [{
      "inspect": {"Name": "/web", "HostConfig": {"SecurityOpt": ["no-new-privileges"], "CapDrop": ["ALL"]}},
      "kernel": {"status": {"NoNewPrivs": "0", "Seccomp": "2", "CapBnd": "0000000000000000"}}}]}

Good:
    {"thwart-engine": 1, "engine": {"kind": "docker"}, "containers": [{
      "inspect": {"Name": "/web", "HostConfig": {"SecurityOpt": ["no-new-privileges"], "CapDrop": ["ALL"]}},
      "kernel": {"status": {"NoNewPrivs": "1", "Seccomp": "2", "CapBnd": "0000000000000000"}}}]}
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit, listed
from thwart.rules.container import Container
from thwart.rules.engine import Running, running_rule
from thwart.rules.engine._capabilities import DEFAULTS, named
from thwart.rules.engine._inspect import container

_HEX = re.compile(r"[0-9a-fA-F]{1,16}")


@running_rule(Severity.HIGH, "cis-docker:5.22", "cis-docker:5.26", "cis-docker:5.4")
def protection_not_in_force(running: Running) -> Iterator[Hit]:
    """Of containers that are not privileged; proc_pid_status(5) for the fields."""
    made = container(running)
    if made.privileged is not None and made.privileged.value:
        return
    status = running.status
    promised = made.option("no-new-privileges")
    if promised is not None and promised.value == "true" and status.text("NoNewPrivs") == "0":
        yield running.hit("may gain privileges, where the engine says that it may not", "HostConfig", "SecurityOpt")
    seccomp = made.option("seccomp")
    filtered = running.host is None or "seccomp" in running.host.options or not running.host.answered
    if filtered and (seccomp is None or seccomp.value != "unconfined") and status.text("Seccomp") == "0":
        yield running.hit(
            "runs without a seccomp filter, where the engine says that it has one", "HostConfig", "SecurityOpt"
        )
    bounding = status.text("CapBnd")
    if _HEX.fullmatch(bounding):
        more = sorted(named(int(bounding, 16)) - _promised(made))
        if more:
            yield running.hit(f"has {listed(more)}, which the engine does not say", "HostConfig", "CapAdd")


def _promised(made: Container) -> frozenset[str]:
    """The capabilities that it may have: those that were added, and the default ones unless they were dropped."""
    added = {one.value for one in made.cap_add}
    dropped = {one.value for one in made.cap_drop}
    if "ALL" in added:
        return named((1 << 64) - 1) - frozenset(dropped)
    return frozenset(added | (set() if "ALL" in dropped else DEFAULTS - dropped))
