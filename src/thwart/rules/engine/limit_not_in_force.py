"""A limit that the engine states is not in force.

The engine was told of a limit, and the kernel does not keep it: the controller is missing, the container was moved to another
cgroup, or somebody wrote to the cgroup by hand. Whoever reads the engine's answer believes in a bound that is not there.

Fix: Find out who changed the cgroup, or which controller the kernel lacks, and start the container again. No edit is
offered: it is a running container and no file.

Bad:
    {"thwart-engine": 1, "engine": {"kind": "docker"}, "containers": [{
      "inspect": {"Name": "/web", "HostConfig": {"Memory": 67108864}},
      "kernel": {"memory": null, "cpus": null, "pids": 100, "status": {}}}]}

Good:
    {"thwart-engine": 1, "engine": {"kind": "docker"}, "containers": [{
      "inspect": {"Name": "/web", "HostConfig": {"Memory": 67108864}},
      "kernel": {"memory": 67108864, "cpus": null, "pids": 100, "status": {}}}]}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.engine import Running, running_rule

_SLACK = 1.01  # engines round to pages and microseconds
_KEYS = {"memory": "Memory", "cpus": "NanoCpus", "pids": "PidsLimit"}


@running_rule(Severity.HIGH, "cis-docker:5.11", "nist-800-190:4.4.3")
def limit_not_in_force(running: Running) -> Iterator[Hit]:
    """A tighter limit in the kernel is none of our business: a cgroup above may have it."""
    for name, stated in running.stated.items():
        held = running.held.get(name)
        if held is None or not stated or 0 < held <= stated * _SLACK:
            continue
        kept = f"{_amount(name, held)} in" if held else "no limit in"
        yield running.hit(
            f"has {kept} its cgroup, where the engine says {_amount(name, stated)}", "HostConfig", _KEYS[name]
        )


def _amount(name: str, value: float) -> str:
    if name == "memory":
        return f"{value / 1048576:.0f} MiB of memory"
    return f"{value:g} {'CPUs' if name == 'cpus' else 'processes'}"
