"""Something is downloaded over plain HTTP.

Whoever is on the way reads and changes what arrives, and nothing in the build can tell.

Fix: Write `https://`, and verify a checksum.

Bad:
    FROM registry.example.test/base:1.2
    RUN wget -q http://downloads.example.test/tool.tar.gz

Good:
    FROM registry.example.test/base:1.2
    RUN wget -q https://downloads.example.test/tool.tar.gz
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule
from thwart.rules.dockerfile._commands import UNKNOWN
from thwart.rules.dockerfile._downloads import verifies
from thwart.rules.dockerfile._mending import Change, mended, replaced

_LOCAL = re.compile(
    r"http://(?:localhost|127\.|0\.0\.0\.0|\[::1\]|10\.|192\.168\.|169\.254\.|[^./:]+(?:[:/]|$))", re.IGNORECASE
)
_LOADERS = frozenset({"curl", "wget", "git", "pip", "pip3", "npm", "gem", "aria2c"})


@dockerfile_rule(Severity.MEDIUM, "cis-docker:4.11", "nist-800-190:4.1.5")
def plain_http_download(file: File) -> Iterator[Hit]:
    """Addresses of downloaders and of ADD; not of machines nearby, nor where the same RUN verifies what came."""
    yield from mended(file, [*_runs(file), *_adds(file)])


def _runs(file: File) -> Iterator[tuple[Hit, tuple[Change, ...]]]:
    for run in file.runs:
        calls = [call for call in run.calls if call.name in _LOADERS]
        if not calls or verifies(run):
            continue
        for call in calls:
            for word in call.words:
                if _plain(word) and UNKNOWN not in word[:12]:
                    span = call.where(word)
                    changes = (replaced(span, f"https{word[4:]}"),) if span else ()
                    yield file.hit(call.span, f"downloads over plain HTTP by {call.name}", run.stage), changes
                    break


def _adds(file: File) -> Iterator[tuple[Hit, tuple[Change, ...]]]:
    for stage, step in file.steps("ADD"):
        for word in step.instruction.sources if not step.instruction.flag("checksum") else ():
            if _plain(step.expand(word.text).text):
                plain = _plain(word.text) and not step.instruction.exec_form
                changes = (replaced(word.span, f"https{word.text[4:]}"),) if plain else ()
                yield file.hit(word.span, "adds a download over plain HTTP", stage), changes


def _plain(word: str) -> bool:
    return word[:7].lower() == "http://" and len(word) > 7 and not _LOCAL.match(word)
