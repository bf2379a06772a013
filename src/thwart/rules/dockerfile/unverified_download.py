"""A program is downloaded and used without a checksum.

The build takes whatever the address gives at that moment and runs it, or puts it where it will be run. Whoever has the
server, or the name, has the image.

Fix: Verify it before use: `echo "HASH  FILE" | sha256sum -c`, or its signature. No edit is offered, as the checksum has to
come from somebody who knows it.

Bad:
    FROM registry.example.test/base:1.2
    RUN curl -fsSLo /usr/local/bin/tool https://downloads.example.test/tool && chmod +x /usr/local/bin/tool

Good:
    FROM registry.example.test/base:1.2
    RUN curl -fsSLo /usr/local/bin/tool https://downloads.example.test/tool && echo "$SUM  /usr/local/bin/tool" | sha256sum -c && chmod +x /usr/local/bin/tool
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule
from thwart.rules.dockerfile._commands import Call
from thwart.rules.dockerfile._downloads import downloaded, uses, verifies


@dockerfile_rule(Severity.MEDIUM, "cis-docker:4.11", "nist-800-190:4.1.5", "slsa:pinned", confidence="medium")
def unverified_download(file: File) -> Iterator[Hit]:
    """Files that curl or wget writes and that the same stage makes executable, runs or installs, without any check."""
    waiting: dict[int, dict[str, Call]] = {}
    checked: set[int] = {run.stage.index for run in file.runs if verifies(run)}
    for run in file.runs:
        if run.stage.index in checked:
            continue
        files = waiting.setdefault(run.stage.index, {})
        for call in run.calls:
            for name in downloaded(call):
                files[name] = call
            used = next((name for name in uses(call) if name in files), "")
            if used:
                yield file.hit(files.pop(used).span, f"uses {used[:80]} as it was downloaded", run.stage)
