"""The image runs as root.

The last stage ends with root as its user, so whatever starts the image without saying otherwise runs as root: root to every
defect of the kernel and of the engine, and to every file of the host that is mounted.

Fix: Create a user and end the last stage with it: `USER 10001`. A number lets Kubernetes verify `runAsNonRoot`.

Bad:
    FROM registry.example.test/base:1.2
    USER root
    CMD ["/app"]

Good:
    FROM registry.example.test/base:1.2
    USER root
    RUN install-things
    USER 10001
    CMD ["/app"]
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule
from thwart.rules.dockerfile._mending import mended
from thwart.rules.dockerfile._users import user_for


@dockerfile_rule(
    Severity.HIGH,
    "cis-docker:4.1",
    "nist-800-190:4.1.2",
    "hadolint:DL3002",
    "trivy:DS-0002",
    "checkov:CKV_DOCKER_8",
    "dockle:CIS-DI-0001",
)
def root_user(file: File) -> Iterator[Hit]:
    """The user that the last stage ends with, be it of a stage that it is built on; without any base it is root."""
    final = file.running
    if final is None:
        return
    if final.user is None:
        if file.origin(final).scratch:
            hit = file.hit(final.base_word.span, "runs as root, as no USER is set", final)
            yield from mended(file, [(hit, user_for(file, final))])
        return
    name = final.user.value.text.partition(":")[0].strip()
    if name == "root" or (name.isascii() and name.isdigit() and not name.strip("0")):
        hit = file.hit(final.user.word.span, f"runs as root: USER {name[:40]}", final)
        yield from mended(file, [(hit, user_for(file, final))])
