"""An SSH server is installed.

A container is entered by its engine, which has its own accounts and its own record. A second way in has passwords, keys and
defects of its own.

Fix: Leave the server out.

Bad:
    FROM registry.example.test/base:1.2
    RUN apk add --no-cache openssh-server curl

Good:
    FROM registry.example.test/base:1.2
    RUN apk add --no-cache curl
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule
from thwart.rules.dockerfile._mending import mended
from thwart.rules.dockerfile._needless import dropped

_SERVERS = frozenset({"openssh-server", "openssh", "dropbear", "tinysshd"})


@dockerfile_rule(Severity.MEDIUM, "cis-docker:5.7", "nist-800-190:4.1.2")
def ssh_server_installed(file: File) -> Iterator[Hit]:
    """Packages that are installed and not removed by the same RUN. `openssh` is a server on Alpine and others, not a client."""
    yield from mended(file, list(dropped(file, _SERVERS, "installs {}, an SSH server")))
