"""A secret is in the environment that the image sets.

The configuration of an image is for everybody who can pull it, and its variables are in every process of every container.

Fix: Take the variable out of the Dockerfile and give the secret when the container runs, as a file. Change the
secret. No edit is offered: the image is not the Dockerfile it was built from.

Bad:
    config:
      User: "10001"
      Env: ["PATH=/usr/bin", "DB_PASSWORD=hunter2-hunter2"]

Good:
    config:
      User: "10001"
      Env: ["PATH=/usr/bin", "DB_PASSWORD_FILE=/run/secrets/db"]
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._secrets import secret
from thwart.rules._view import Hit
from thwart.rules.image import Image, image_rule


@image_rule(
    Severity.CRITICAL,
    "cis-docker:4.10",
    "nist-800-190:4.1.4",
    "dockle:CIS-DI-0010",
    "trivy:DS-0031",
    confidence="medium",
)
def secret_in_image_environment(image: Image) -> Iterator[Hit]:
    """By names of variables, and values that are addresses with a password or private keys; the value is not repeated."""
    for index, name, value in image.environment():
        if secret(name, value):
            yield image.stated("holds a secret", "config", "Env", index, part=f"variable {name[:100]}")
