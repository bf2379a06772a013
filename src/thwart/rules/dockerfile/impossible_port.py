"""EXPOSE names what is no port.

Ports go from 1 to 65535, with `tcp`, `udp` or `sctp`. A build may refuse it, or an engine publish something else.

Fix: Name the port that the program listens on. No edit is offered, as the file does not tell which that is.

Bad:
    FROM registry.example.test/base:1.2
    EXPOSE 80800

Good:
    FROM registry.example.test/base:1.2
    EXPOSE 8080/tcp
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule

_PORT = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?(?:/(?:tcp|udp|sctp))?", re.IGNORECASE)


@dockerfile_rule(Severity.LOW, "hadolint:DL3011", "trivy:DS-0008")
def impossible_port(file: File) -> Iterator[Hit]:
    """Numbers, ranges and protocols; a variable without a value may be anything."""
    for stage, step in file.steps("EXPOSE"):
        for word in step.instruction.args:
            value = step.expand(word.text)
            if value.unset or value.error:
                continue
            for port in value.words:
                if not _possible(port):
                    yield file.hit(word.span, f"exposes {port[:40]}, which is no port", stage)


def _possible(port: str) -> bool:
    match = _PORT.fullmatch(port.strip("\"'"))
    if match is None:
        return port.count(":") > 0 and all(_possible(one) for one in port.split(":")[-1:])
    first, last = int(match[1]), int(match[2] or match[1])
    return 0 < first <= last < 65536
