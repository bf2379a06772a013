"""Credentials are in a file of the image.

Tokens and passwords of clouds, registries and clusters in a file are for everybody who can pull the image.

Fix: Give them to the build as `RUN --mount=type=secret,id=…`, to the container as a mounted secret, and exclude the
file with .dockerignore. Change them. No edit is offered: the image is not the Dockerfile it was built from.

Bad:
    config: {User: "10001"}
    files:
      - {path: root/.aws/credentials, content: "[default]\\naws_secret_access_key = abcdefghij0123456789abcdefghij0123456789\\n"}

Good:
    config: {User: "10001"}
    files:
      - {path: root/.aws/config, content: "[default]\\nregion = eu-central-1\\n"}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.image import Image, image_rule
from thwart.rules.image._secret_files import told


@image_rule(Severity.HIGH, "cis-docker:4.10", "nist-800-190:4.1.4", "dockle:CIS-DI-0010", confidence="medium")
def credentials_in_image(image: Image) -> Iterator[Hit]:
    """Files that are there for credentials and have some, and tokens that are known by their form."""
    for one in image.holding("credentials"):
        yield image.found(one, f"holds {told(one.note)}")
