"""ADD is used where COPY says what is meant.

ADD unpacks archives and downloads addresses, depending on what its source looks like. COPY does one thing, so that a reader,
and a build with other files, knows what to expect.

Fix: Write COPY in place of ADD.

Bad:
    FROM registry.example.test/base:1.2
    ADD app.py /srv/

Good:
    FROM registry.example.test/base:1.2
    COPY app.py /srv/
    ADD site.tar.gz /srv/
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.lib.dockerfile import Span
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule
from thwart.rules.dockerfile._mending import mended, replaced
from thwart.rules.dockerfile._sources import remote

_SHARED = frozenset({"chown", "chmod", "link", "exclude"})  # flags of both
# a build looks into the file: one that is compressed may be an archive
_ARCHIVE = re.compile(r"\.(?:tar(?:\.[a-z0-9*?]{1,8})?\*?|tgz|tbz2?|txz|tlz|tzst|gz|bz2|xz|zst)$", re.IGNORECASE)


@dockerfile_rule(
    Severity.LOW, "cis-docker:4.9", "hadolint:DL3020", "trivy:DS-0005", "checkov:CKV_DOCKER_4", "dockle:CIS-DI-0009"
)
def add_for_local_files(file: File) -> Iterator[Hit]:
    """Sources that are neither downloads nor archives by their names; one with a variable that has no value may be both."""
    for stage, step in file.steps("ADD"):
        found = [step.expand(word.text) for word in step.instruction.sources]
        if found and not any(one.unset or one.error or remote(one.text) or _ARCHIVE.search(one.text) for one in found):
            start = step.instruction.span
            keyword = Span(start.line, start.column, start.line, start.column + len("ADD"))
            hit = file.hit(start, "uses ADD for local files", stage)
            exact = {flag.name for flag in step.instruction.flags} <= _SHARED and not step.instruction.heredocs
            yield from mended(file, [(hit, (replaced(keyword, "COPY"),) if exact else ())], safe=True)
