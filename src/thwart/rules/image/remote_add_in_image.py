"""A build step took a file from elsewhere with ADD.

What ADD downloads is what the address gave on the day of the build: unverified, and another file tomorrow.

Fix: Give ADD a `--checksum=sha256:…`, or download and verify in one RUN. No edit is offered: the image is not the
Dockerfile it was built from.

Bad:
    config: {User: "10001"}
    history:
      - {created_by: "ADD https://get.example.test/tool /usr/bin/tool # buildkit"}

Good:
    config: {User: "10001"}
    history:
      - {created_by: "ADD file:5f2c /"}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.image import Image, image_rule


@image_rule(Severity.LOW, "cis-docker:4.9", "dockle:CIS-DI-0009", confidence="medium")
def remote_add_in_image(image: Image) -> Iterator[Hit]:
    """The history keeps the address, but not whether a checksum was asked for."""
    for index, step in enumerate(image.entries("history")):
        words = step.text("created_by")[:2000].removeprefix("/bin/sh -c #(nop)").split()
        if words[:1] == ["ADD"] and any(
            word.startswith(("http://", "https://", "git@", "ftp://")) for word in words[1:]
        ):
            yield image.stated("has a file that ADD downloaded", "history", index, part=f"step {index + 1}")
