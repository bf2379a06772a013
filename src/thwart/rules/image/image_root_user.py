"""The image runs as root.

Whatever starts the image without saying otherwise runs as root: root to every defect of the kernel and of the engine, and to
every file of the host that is mounted. A name counts by what /etc/passwd of the image makes of it.

Fix: End the Dockerfile with a user that is not root: `USER 10001`. A number lets Kubernetes verify `runAsNonRoot`. No
edit is offered: the image is not the Dockerfile it was built from.

Bad:
    config: {User: app}
    files:
      - {path: etc/passwd, content: "root:x:0:0:root:/root:/bin/sh\\napp:x:0:0::/app:/bin/sh\\n"}

Good:
    config: {User: "10001"}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.image import Image, image_rule


@image_rule(Severity.MEDIUM, "cis-docker:4.1", "nist-800-190:4.1.2", "dockle:CIS-DI-0001", "trivy:DS-0002")
def image_root_user(image: Image) -> Iterator[Hit]:
    """No user, root, its number, or a name that has it."""
    if image.uid != 0:
        return
    user = image.text("config", "User")
    if not user:
        yield image.stated("runs as root, as it states no user", "config", "User")
    elif image.user.strip("0") in ("", "root"):
        yield image.stated(f"runs as root: USER {user[:40]}", "config", "User")
    else:
        yield image.stated(f"runs as root: /etc/passwd gives {image.user[:40]} the number 0", "config", "User")
