"""A user with a large number makes the layer grow.

`useradd` keeps a record of log-ins with a place for every number up to that one. In a layer, the empty part of the file may
come out at gigabytes.

Fix: Write `useradd --no-log-init`.

Bad:
    FROM registry.example.test/base:1.2
    RUN useradd --uid 1000000 app

Good:
    FROM registry.example.test/base:1.2
    RUN useradd --no-log-init --uid 1000000 app
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule
from thwart.rules.dockerfile._commands import Call
from thwart.rules.dockerfile._mending import flagged, mended


@dockerfile_rule(Severity.LOW, "hadolint:DL3046")
def large_user_id(file: File) -> Iterator[Hit]:
    """Numbers with more than five digits, of `useradd` without `-l`."""
    for run in file.shipped_runs:
        for call in run.calls:
            if call.name == "useradd" and _number(call) > 99_999 and not call.has("-l", "--no-log-init"):
                hit = file.hit(call.span, "makes a user with a large number", run.stage)
                yield from mended(file, [(hit, flagged(call, "--no-log-init", "useradd"))], safe=True)


def _number(call: Call) -> int:
    """The user's number; 0 without one."""
    for word, following in zip(call.words, (*call.words[1:], ""), strict=False):
        value = following if word in ("-u", "--uid") else word.partition("=")[2] if word.startswith("--uid=") else ""
        if value.isascii() and value.isdigit() and len(value) < 12:
            return int(value)
    return 0
