"""A container runs an image that nobody approved.

The list of approved digests is what was scanned, signed or reviewed. An image beside it came from a build that nobody looked
at, from a tag that was moved, or from somebody who uses the engine's socket for their own ends.

Fix: Stop the container, or have its image scanned and its digest added to the list. No edit is offered: it is a
running container and no file.

Bad:
    {"thwart-engine": 1, "engine": {"kind": "docker"},
      "approved": ["sha256:1111111111111111111111111111111111111111111111111111111111111111"],
      "containers": [{"inspect": {"Name": "/web", "HostConfig": {"Memory": 1},
        "Image": "sha256:2222222222222222222222222222222222222222222222222222222222222222"}}]}

Good:
    {"thwart-engine": 1, "engine": {"kind": "docker"},
      "approved": ["sha256:1111111111111111111111111111111111111111111111111111111111111111"],
      "containers": [{"inspect": {"Name": "/web", "HostConfig": {"Memory": 1},
        "Image": "sha256:1111111111111111111111111111111111111111111111111111111111111111"}}]}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.engine import Running, running_rule


@running_rule(Severity.HIGH, "cis-docker:4.2", "nist-800-190:4.1.5")
def unapproved_image(running: Running) -> Iterator[Hit]:
    """Any digest will do: of the configuration, which engines call the image's id, or of a manifest that it came with."""
    if running.approved is None or running.approved.intersection(running.digests):
        return
    image = running.inspect.text("Config", "Image")[:120] or "an image"
    shown = running.digests[-1] if running.digests else "without a digest"
    yield running.hit(f"runs {image} ({shown}), which is not on the list of approved images", "Image")
