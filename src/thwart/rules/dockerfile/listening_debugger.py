"""A debugger listens to the network.

Whoever reaches the port runs code in the program, without any password: that is what a debugger is for.

Fix: Leave the debugger out of the image, or let it listen on 127.0.0.1. No edit is offered, as the image may be made for
debugging.

Bad:
    FROM registry.example.test/base:1.2
    CMD ["node", "--inspect=0.0.0.0:9229", "server.js"]

Good:
    FROM registry.example.test/base:1.2
    CMD ["node", "server.js"]
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule

_OPEN = re.compile(
    r"--inspect(?:-brk|-wait)?=(?:0\.0\.0\.0|\[?::)|jdwp=[^\s\"']*address=(?:\*|0\.0\.0\.0)|"
    r"debugpy[\"',\s]+--listen[\"',\s]+(?:0\.0\.0\.0|[0-9])|dlv\b.*--listen=(?:0\.0\.0\.0)?:[0-9]"
)


@dockerfile_rule(Severity.HIGH, "nist-800-190:4.1.2")
def listening_debugger(file: File) -> Iterator[Hit]:
    """The command that the image ends with, and what its variables add to it."""
    final = file.running
    if final is None:
        return
    for instruction in (final.entrypoint, final.command):
        if instruction is not None and _OPEN.search(instruction.body_text[:4000]):
            yield file.hit(instruction.span, f"starts a debugger that listens, by {instruction.name}", final)
    for name, setting in final.env.items():
        if name.endswith(("_OPTS", "_OPTIONS")) and _OPEN.search(setting.value.text[:4000]):
            yield file.hit(setting.word.span, f"starts a debugger that listens, by {name[:80]}", final)
