"""Whoever reaches the engine's socket may do everything.

Docker asks no further: who may list containers may also start a privileged one, which is root on the host. An authorization
plugin decides by user and by what is asked.

Fix: Add an authorization plugin to `authorization-plugins` in `daemon.json`, or let nobody but root use the socket.
No edit is offered: the engine's settings are not among the files.

Bad:
    {"thwart-engine": 1, "engine": {"kind": "docker", "info": {"Plugins": {"Volume": ["local"], "Authorization": null}}}}

Good:
    {"thwart-engine": 1, "engine": {"kind": "docker", "info": {"Plugins": {"Authorization": ["thwart"]}}}}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.engine import Host, host_rule


@host_rule(Severity.LOW, "cis-docker:2.12", confidence="medium")
def no_authorization_plugin(host: Host) -> Iterator[Hit]:
    """Podman has no such plugins; a rootless engine is only its own user's."""
    plugins = host.info.under("Plugins")
    if host.kind == "docker" and plugins.mapping() and not host.rootless and not plugins.values("Authorization"):
        yield host.hit("has no authorization plugin", "info", "Plugins")
