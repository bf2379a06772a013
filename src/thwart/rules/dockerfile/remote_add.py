"""ADD downloads something that nothing verifies.

The build takes whatever the address gives at that moment. Whoever has the server, or the name, decides what is in the image,
and nobody sees that it changed.

Fix: Add `--checksum=sha256:…`, for a git repository the full id of a commit; or download and verify in one RUN. No edit is offered, as the
checksum has to come from somebody who knows it.

Bad:
    FROM registry.example.test/base:1.2
    ADD https://downloads.example.test/tool.tar.gz /opt/

Good:
    FROM registry.example.test/base:1.2
    ADD --checksum=sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 https://downloads.example.test/tool.tar.gz /opt/
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule
from thwart.rules.dockerfile._sources import remote

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


@dockerfile_rule(Severity.MEDIUM, "cis-docker:4.9", "cis-docker:4.11", "slsa:pinned", "hadolint:DL3020")
def remote_add(file: File) -> Iterator[Hit]:
    """Addresses and git repositories, unless a checksum or a whole commit is named."""
    for stage, step in file.steps("ADD"):
        if step.instruction.flag("checksum"):
            continue
        for word in step.instruction.sources:
            address = step.expand(word.text).text
            if remote(address) and not _COMMIT.fullmatch(address.partition("#")[2].partition(":")[0]):
                yield file.hit(word.span, "adds a download without a checksum", stage)
