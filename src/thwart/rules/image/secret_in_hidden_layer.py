"""A secret is in a layer that a later one hides.

Removing or replacing a file in a later instruction leaves it in the layer before, and whoever pulls the image has that layer.

Fix: Build again without the file: use `RUN --mount=type=secret,id=…`, or copy only what is needed from another stage.
Replace the secret. No edit is offered: the image is not the Dockerfile it was built from.

Bad:
    config: {User: "10001"}
    files:
      - {path: root/.ssh/id_ecdsa, deleted: true, content: "\x2d----BEGIN EC PRIVATE KEY-----\\nMHcCAQEEIAbcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJ\\n-----END EC PRIVATE KEY-----\\n"}

Good:
    config: {User: "10001"}
    files:
      - {path: root/.ssh/id_ecdsa.pub, deleted: true, content: "ecdsa-sha2-nistp256 AAAA"}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.image import Image, image_rule
from thwart.rules.image._secret_files import SECRETS, told


@image_rule(Severity.HIGH, "cis-docker:4.10", "nist-800-190:4.1.4", "dockle:CIS-DI-0010")
def secret_in_hidden_layer(image: Image) -> Iterator[Hit]:
    """Unless the same is said of what has taken its place."""
    kept = {(one.note.path, one.note.holds, one.note.size) for one in image.files}
    for one in image.placed:
        note = one.note
        if one.hidden and note.holds in SECRETS and (note.path, note.holds, note.size) not in kept:
            yield image.found(
                one, f"holds {told(note)} in {image.layer_told(one.layer)}, although a later layer hides it"
            )
