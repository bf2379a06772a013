"""Containers on the default bridge reach each other.

Whatever is started without a network of its own lands on one bridge, where every container may connect to every port of every
other. One that is taken over sees all the rest.

Fix: Set `"icc": false` in `daemon.json`, and give containers that must talk to each other a network of their own. No
edit is offered: the engine's settings are not among the files.

Bad:
    {"thwart-engine": 1, "engine": {"kind": "docker",
      "bridge": {"Options": {"com.docker.network.bridge.enable_icc": "true"}}}}

Good:
    {"thwart-engine": 1, "engine": {"kind": "docker",
      "bridge": {"Options": {"com.docker.network.bridge.enable_icc": "false"}}}}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.engine import Host, host_rule


@host_rule(Severity.LOW, "cis-docker:2.2", "nist-800-190:4.4.2")
def open_default_bridge(host: Host) -> Iterator[Hit]:
    """Networks that users make are not asked: their containers are there to talk to each other."""
    if host.view.text("bridge", "Options", "com.docker.network.bridge.enable_icc") == "true":
        yield host.hit("lets all containers of the default bridge reach each other", "bridge", "Options")
