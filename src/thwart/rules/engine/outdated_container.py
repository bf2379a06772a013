"""A container runs an older image than its tag now names.

Somebody has pulled or built the image anew, perhaps for a patch, and the container still runs what it was started with. Until
it is made again the patch is on the disk and not in the process.

Fix: Make the container again from the image that its tag names now. No edit is offered: it is a running container and
no file.

Bad:
    {"thwart-engine": 1, "engine": {"kind": "docker"}, "containers": [{
      "inspect": {"Name": "/web", "HostConfig": {"Memory": 1}, "Config": {"Image": "shop/web:1"}, "Image": "sha256:1111"},
      "tagged": {"Id": "sha256:2222"}}]}

Good:
    {"thwart-engine": 1, "engine": {"kind": "docker"}, "containers": [{
      "inspect": {"Name": "/web", "HostConfig": {"Memory": 1}, "Config": {"Image": "shop/web:1"}, "Image": "sha256:1111"},
      "tagged": {"Id": "sha256:1111"}}]}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.engine import Running, running_rule


@running_rule(Severity.MEDIUM, "cis-docker:5.28", "nist-800-190:4.1.5")
def outdated_container(running: Running) -> Iterator[Hit]:
    """Engines name images by the digest of their configuration."""
    own = running.inspect.text("Image").removeprefix("sha256:")
    now = running.view.text("tagged", "Id").removeprefix("sha256:")
    if own and now and own != now:
        image = running.inspect.text("Config", "Image")[:120]
        yield running.hit(f"runs {own[:12]}, and {image} is {now[:12]} by now", "Image")
