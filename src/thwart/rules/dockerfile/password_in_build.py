"""The build sets a password.

Everybody who has the image has the hash, or reads the password itself in the history. And a container needs no log-in.

Fix: Leave accounts without a password: `useradd` locks them. No edit is offered, as what logs in with it has to change
first.

Bad:
    FROM registry.example.test/base:1.2
    RUN echo 'root:hunter2' | chpasswd

Good:
    FROM registry.example.test/base:1.2
    RUN useradd --system --uid 10001 app
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule
from thwart.rules.dockerfile._commands import Call

_PASSWORD = ("-p", "--password")


@dockerfile_rule(Severity.HIGH, "cis-docker:4.10", "nist-800-190:4.1.4", "checkov:CKV2_DOCKER_17", "dockle:DKL-LI-0001")
def password_in_build(file: File) -> Iterator[Hit]:
    """`chpasswd`, `passwd` with an input or an empty one, `useradd -p`. What they were given is not repeated."""
    for run in file.runs:
        for call in run.calls:
            if run.stage.index in file.shipped and _sets(call):
                yield file.hit(call.span, f"sets a password by {call.name}", run.stage, hidden=True)


def _sets(call: Call) -> bool:
    if call.name == "chpasswd":
        return True
    if call.name in ("useradd", "usermod"):
        given = [b for a, b in zip(call.words, call.words[1:], strict=False) if a in _PASSWORD]
        given += [word.partition("=")[2] for word in call.words if word.startswith("--password=")]
        return any(word.strip("!*x") for word in given)
    if call.name == "passwd":
        return call.has("-d", "--delete", "--stdin") or (call.invocation is not None and call.invocation.position > 0)
    return False
