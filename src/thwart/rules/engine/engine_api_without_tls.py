"""The engine listens on the network without asking who is there.

Its interface starts privileged containers for anyone who can connect: root on this host, without a password. Machines are
searched for this port all the time.

Fix: Remove the `tcp://` address from `hosts`, or set `tlsverify` with certificates; for single users, `ssh://` does
it. No edit is offered: the engine's settings are not among the files.

Bad:
    {"thwart-engine": 1, "engine": {"kind": "docker", "info": {"Warnings": [
      "WARNING: API is accessible on http://0.0.0.0:2375 without encryption."]}}}

Good:
    {"thwart-engine": 1, "engine": {"kind": "docker", "info": {"Warnings": ["WARNING: No swap limit support"]}}}
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit, listed
from thwart.rules.engine import Host, host_rule

_OPEN = re.compile(r"API is accessible on (\S{1,200}) without encryption|is accessible on (https?://\S{1,200}) without")


@host_rule(Severity.CRITICAL, "cis-docker:2.7", "nist-800-190:4.5.3")
def engine_api_without_tls(host: Host) -> Iterator[Hit]:
    """The engine itself warns of it, in `/info`."""
    found = [mark[1] or mark[2] for text in host.info.words("Warnings") for mark in _OPEN.finditer(text[:1000])]
    if found:
        yield host.hit(f"answers anyone at {listed([one.rstrip('.') for one in found])}", "info", "Warnings")
