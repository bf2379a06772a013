"""A device is in the file system of the image.

A device file in a layer is a way past the list of devices that the engine allows, wherever an engine or a user makes it usable.

Fix: Remove it in the instruction that makes it; give a container its devices with `--device`. No edit is offered: the
image is not the Dockerfile it was built from.

Bad:
    config: {User: "10001"}
    files:
      - {path: opt/disk, kind: device, mode: "0666"}

Good:
    config: {User: "10001"}
    files:
      - {path: dev/null, kind: device, mode: "0666"}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.image import Image, image_rule


@image_rule(Severity.MEDIUM, "nist-800-190:4.1.2")
def device_file_in_image(image: Image) -> Iterator[Hit]:
    """Outside of /dev, over which engines mount their own."""
    for one in image.files:
        if one.note.kind in "34":
            yield image.found(one, "is a device file")
