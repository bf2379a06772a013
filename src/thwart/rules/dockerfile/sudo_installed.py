"""sudo is installed.

With sudo in the image, whoever breaks into the container has a program that is made to give root away. A container's user
needs no second one.

Fix: Leave sudo out; switch with `USER` while building.

Bad:
    FROM registry.example.test/base:1.2
    RUN apk add --no-cache sudo curl

Good:
    FROM registry.example.test/base:1.2
    RUN apk add --no-cache curl
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule
from thwart.rules.dockerfile._mending import mended
from thwart.rules.dockerfile._needless import dropped


@dockerfile_rule(Severity.MEDIUM, "nist-800-190:4.1.2", "cis-docker:4.3")
def sudo_installed(file: File) -> Iterator[Hit]:
    """sudo and doas, where the same RUN does not remove them."""
    yield from mended(file, list(dropped(file, frozenset({"sudo", "doas"}), "installs {}")))
