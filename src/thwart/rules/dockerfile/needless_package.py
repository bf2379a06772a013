"""A tool for people is installed in an image for a program.

Editors, remote shells, scanners and debuggers are of use to an intruder, and each is one more package with defects.

Fix: Leave it out; debug with an ephemeral container that has the tools.

Bad:
    FROM registry.example.test/base:1.2
    RUN apk add --no-cache vim curl

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

_TOOLS = frozenset(
    [
        "vim",
        "vim-tiny",
        "vim-nox",
        "vim-enhanced",
        "vim-minimal",
        "nano",
        "emacs",
        "emacs-nox",
        "telnet",
        "inetutils-telnet",
        "netcat",
        "netcat-openbsd",
        "netcat-traditional",
        "nmap",
        "nmap-ncat",
        "ncat",
        "socat",
        "tcpdump",
        "wireshark",
        "tshark",
        "gdb",
        "strace",
        "ltrace",
        "lsof",
        "htop",
        "iftop",
        "screen",
        "tmux",
        "rsh-client",
        "rsh-redone-client",
        "ftp",
        "tftp",
        "tnftp",
        "x11vnc",
        "tigervnc-standalone-server",
        "man-db",
        "mc",
    ]
)


@dockerfile_rule(Severity.LOW, "cis-docker:4.3", "nist-800-190:4.1.2", confidence="medium")
def needless_package(file: File) -> Iterator[Hit]:
    """In the layers of the image, where the same RUN does not remove it."""
    yield from mended(file, list(dropped(file, _TOOLS, "installs {}")))
