"""The image runs as a user that it does not have.

A name that is not in /etc/passwd of the image has no number: engines refuse to start the container. What starts it all the
same is a `--user` or a `runAsUser` that somebody adds, and that is often 0.

Fix: Create the user with `useradd` or `adduser` before `USER`, or give its number. No edit is offered: the image is
not the Dockerfile it was built from.

Bad:
    config: {User: app}
    files:
      - {path: etc/passwd, content: "root:x:0:0:root:/root:/bin/sh\\n"}

Good:
    config: {User: app}
    files:
      - {path: etc/passwd, content: "root:x:0:0:root:/root:/bin/sh\\napp:x:10001:10001::/app:/bin/sh\\n"}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.image import Image, image_rule


@image_rule(Severity.LOW, "cis-docker:4.1")
def unknown_image_user(image: Image) -> Iterator[Hit]:
    """Only where /etc/passwd was read."""
    if image.configured and image.uid is None and image.accounts is not None:
        yield image.stated(f"runs as {image.user[:40]}, whom its /etc/passwd does not know", "config", "User")
