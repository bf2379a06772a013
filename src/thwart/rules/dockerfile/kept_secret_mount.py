"""A secret of the build is written into the image.

A secret's mount is there for one RUN and leaves nothing behind, unless the RUN copies it to a file that stays.

Fix: Read the secret where it is mounted; where a program wants it elsewhere, mount it there with `target=`. No edit is
offered, as the program's own option decides.

Bad:
    FROM registry.example.test/base:1.2
    RUN --mount=type=secret,id=npmrc cp /run/secrets/npmrc /root/.npmrc && npm ci

Good:
    FROM registry.example.test/base:1.2
    RUN --mount=type=secret,id=npmrc,target=/root/.npmrc npm ci && npm cache clean --force
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule
from thwart.rules.dockerfile._commands import Call

_COPIERS = frozenset({"cp", "mv", "install", "ln"})
_READERS = frozenset({"cat", "base64", "tee", "envsubst", "echo", "printf"})


@dockerfile_rule(Severity.HIGH, "cis-docker:4.10", "nist-800-190:4.1.4", confidence="medium")
def kept_secret_mount(file: File) -> Iterator[Hit]:
    """Copies of what a `--mount=type=secret` gives, unless the same RUN removes them."""
    for run in file.shipped_runs:
        places = [
            one.target or f"/run/secrets/{one.options.get('id', '')}"
            for one in run.step.mounts()
            if one.kind == "secret"
        ]
        removes = cache(run.removes)
        for call in run.calls if places else ():
            target = _written(call, places)
            if target and not target.startswith("/dev/") and not removes(target) and not run.cached(target):
                yield file.hit(call.span, f"writes a secret of the build to {target[:80]}", run.stage)


def _written(call: Call, places: list[str]) -> str:
    """Where to; empty if nowhere."""
    if not any(word in places for word in call.words):
        return ""
    if call.name in _COPIERS and len(call.operands) > 1 and call.name != "ln" and call.words[-1] not in places:
        return call.words[-1]
    if call.name in _READERS and call.invocation is not None:
        for one in call.invocation.command.redirects:
            if one.operator in (">", ">>", ">|") and one.descriptor in ("", "1"):
                return one.target.known
    return ""
