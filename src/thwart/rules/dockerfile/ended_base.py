"""An image is built on a release that gets no more fixes.

Defects that are found from then on stay in the image, and scanners may not even know of them, as nobody writes advisories
for the release.

Fix: Build on a release that is maintained. No edit is offered, as the program may need changes for it.

Bad:
    FROM debian:9
    USER 10001

Good:
    FROM registry.example.test/base:1.2
    USER 10001
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.lib import reference
from thwart.rules._eol import CODENAMES, ENDS
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule
from thwart.rules.dockerfile._images import images

_VERSION = re.compile(r"([a-z]*)([0-9]+(?:\.[0-9]+)*)")
_DISTRIBUTIONS = ("debian", "ubuntu", "alpine", "centos")


@dockerfile_rule(Severity.HIGH, "cis-docker:4.4", "nist-800-190:4.1.1", "dockle:CIS-DI-0004")
def ended_base(file: File) -> Iterator[Hit]:
    """Official images by their tags, in the stages that the image is built on; what is not in the table is not judged."""
    for stage, span, image in images(file) if file.today else ():
        official = image.registry == reference.DEFAULT_REGISTRY and image.repository.startswith("library/")
        if not official or stage.index not in file.shipped:
            continue
        for product, cycle, end in _ends(image.repository.removeprefix("library/"), image.tag):
            if end < file.today:
                yield file.hit(span, f"uses {product} {cycle}, which has had no fixes since {end}", stage)


def _ends(name: str, tag: str) -> Iterator[tuple[str, str, str]]:
    """What a tag names, and the day of its end: `python:3.7-bookworm` is two releases."""
    for number, part in enumerate(tag.lower().split("-")):
        codename = CODENAMES.get(part)
        match = _VERSION.fullmatch(part)
        if codename:
            yield codename[0], part, ENDS[codename[0]][codename[1]]
        elif match and (not match[1] and number == 0 and name in ENDS):
            yield from _cycle(name, match[2])
        elif match and match[1] in _DISTRIBUTIONS:
            yield from _cycle(match[1], match[2])


def _cycle(product: str, version: str) -> Iterator[tuple[str, str, str]]:
    """The release that the version belongs to: `3.7.2` to `3.7`. A shorter one, `3`, floats and is none."""
    parts = version.split(".")
    for length in range(len(parts), 0, -1):
        cycle = ".".join(parts[:length])
        if cycle in ENDS[product]:
            yield product, cycle, ENDS[product][cycle]
            return
