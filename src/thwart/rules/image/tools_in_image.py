"""The image has what an attacker would live off.

A shell, a package manager and a downloader turn one way in into a place to work from. A service that is one program needs
none of them.

Fix: Copy the program into a base without them in a last stage: `FROM scratch`, or a distroless base. No edit is
offered: the image is not the Dockerfile it was built from.

Bad:
    config: {User: "10001"}
    files:
      - {path: bin/sh, mode: "0755"}
      - {path: usr/bin/apt-get, mode: "0755"}

Good:
    config: {User: "10001"}
    files:
      - {path: app/server, mode: "0755"}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.core.layer import Placed
from thwart.rules._view import Hit, listed
from thwart.rules.image import Image, image_rule

_KINDS = (("shells:", "shell"), ("package managers:", "manager"), ("tools:", "tool"))


@image_rule(Severity.NEGLIGIBLE, "cis-docker:4.3", "nist-800-190:4.1.2")
def tools_in_image(image: Image) -> Iterator[Hit]:
    """One finding; in its words the shells, the package managers and the rest."""
    groups = [(words, image.holding(kind)) for words, kind in _KINDS]
    told = "; ".join(f"{words} {listed(_names(found), 12)}" for words, found in groups if found)
    return (image.found(one, f"has {told}", part="") for _, found in groups for one in found)


def _names(found: list[Placed]) -> list[str]:
    return sorted({one.note.path.rpartition("/")[2] for one in found})
