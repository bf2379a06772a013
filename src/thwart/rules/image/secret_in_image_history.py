"""A secret is in the history of the image.

Each layer's command is kept in the configuration with the arguments of the build that it saw, for everybody who can pull the
image. Nothing in a later instruction takes it away.

Fix: Give secrets to the build as `RUN --mount=type=secret,id=…` and not as ARG, and build again. Change the secret.
No edit is offered: the image is not the Dockerfile it was built from.

Bad:
    config: {User: "10001"}
    history:
      - {created_by: "RUN |1 NPM_TOKEN=hunter2-hunter2 /bin/sh -c npm ci # buildkit"}

Good:
    config: {User: "10001"}
    history:
      - {created_by: "RUN /bin/sh -c npm ci # buildkit"}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.image import Image, image_rule
from thwart.rules.image._commands import secrets_in


@image_rule(Severity.CRITICAL, "cis-docker:4.10", "nist-800-190:4.1.4", "dockle:CIS-DI-0010", confidence="medium")
def secret_in_image_history(image: Image) -> Iterator[Hit]:
    """Arguments and variables in the commands of the history; the value is not repeated."""
    environment = {name for _, name, _ in image.environment()}  # of which another rule speaks
    for index, step in enumerate(image.entries("history")):
        for name in secrets_in(step.text("created_by")):
            if name not in environment:
                yield image.stated(f"is a secret in step {index + 1}", "history", index, part=f"{name} in the history")
