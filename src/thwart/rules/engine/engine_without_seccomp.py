"""The engine runs containers without a seccomp profile.

The default profile keeps some fifty system calls from every container, among them those that most escapes of the last years
needed. An engine without it, or with `unconfined` as its default, gives them to all.

Fix: Remove `seccomp-profile: unconfined` from `daemon.json`, or use an engine and a kernel that are built with
seccomp. No edit is offered: the engine's settings are not among the files.

Bad:
    {"thwart-engine": 1, "engine": {"kind": "docker", "info": {"SecurityOptions": ["name=apparmor"]}}}

Good:
    {"thwart-engine": 1, "engine": {"kind": "docker", "info": {"SecurityOptions": ["name=seccomp,profile=builtin"]}}}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.engine import Host, host_rule


@host_rule(Severity.HIGH, "cis-docker:2.16")
def engine_without_seccomp(host: Host) -> Iterator[Hit]:
    """`name=seccomp,profile=unconfined` is a profile only by name."""
    words = host.info.words("SecurityOptions")
    confined = any(word.startswith("name=seccomp") and "unconfined" not in word for word in words)
    if host.info.has("SecurityOptions") and not confined:
        yield host.hit("gives its containers no seccomp profile", "info", "SecurityOptions")
