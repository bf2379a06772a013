"""A private key is in the image.

Everybody who can pull the image has it, and every container of the image has the same one.

Fix: Take the file out of the build context with .dockerignore, and mount the key when the container runs. Replace the
key. No edit is offered: the image is not the Dockerfile it was built from.

Bad:
    config: {User: "10001"}
    files:
      - {path: etc/app/tls.key, content: "\x2d----BEGIN EC PRIVATE KEY-----\\nMHcCAQEEIAbcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJ\\n-----END EC PRIVATE KEY-----\\n"}

Good:
    config: {User: "10001"}
    files:
      - {path: etc/app/tls.crt, content: "-----BEGIN CERTIFICATE-----\\nMIIBszCCAVmgAwIBAgIUabcdefghijklmnopqrstuvwxyz0123456789\\n-----END CERTIFICATE-----\\n"}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.image import Image, image_rule
from thwart.rules.image._secret_files import told


@image_rule(Severity.HIGH, "cis-docker:4.10", "nist-800-190:4.1.4", "dockle:CIS-DI-0010")
def private_key_in_image(image: Image) -> Iterator[Hit]:
    """By content, whatever the name; not in folders for tests and documentation."""
    for one in image.holding("private-key"):
        yield image.found(one, f"holds {told(one.note)}")
