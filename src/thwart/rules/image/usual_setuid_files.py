"""The image has the setuid programs of its distribution.

`su`, `mount` and `passwd` run as root whoever starts them. A service needs none of them, and each has had its defects. Where
`no-new-privileges` is set they lose their power.

Fix: Remove the bits in the Dockerfile: `RUN find / -xdev -perm /6000 -type f -exec chmod a-s {} +`. Or run with
`no-new-privileges`. No edit is offered: the image is not the Dockerfile it was built from.

Bad:
    config: {User: "10001"}
    files:
      - {path: usr/bin/su, mode: "4755"}

Good:
    config: {User: "10001"}
    files:
      - {path: usr/bin/su, mode: "0755"}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.image import Image, image_rule
from thwart.rules.image._setuid import privileged, usual


@image_rule(Severity.LOW, "cis-docker:4.8", "nist-800-190:4.1.2", "dockle:CIS-DI-0008")
def usual_setuid_files(image: Image) -> Iterator[Hit]:
    """All in one finding."""
    return image.grouped(
        (one for one in image.files if privileged(one.note) and usual(one.note)), "has setuid or setgid programs"
    )
