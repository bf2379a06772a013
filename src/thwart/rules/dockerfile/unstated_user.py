"""The image may run as root, as its Dockerfile sets no user.

Without USER the base image decides, and most base images choose root. Root in a container is root to every defect of the
kernel and of the engine, and to every file of the host that is mounted.

The base is not looked at, hence the lower confidence; one that says in its name that it is not for root is believed.

Fix: Create a user and end the last stage with it: `USER 10001`. If the base sets one, repeat it.

Bad:
    FROM registry.example.test/base:1.2
    CMD ["/app"]

Good:
    FROM registry.example.test/base:1.2
    USER 10001
    CMD ["/app"]
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.lib.dockerfile import Stage
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule
from thwart.rules.dockerfile._mending import mended
from thwart.rules.dockerfile._users import user_for

_STEPS_DOWN = ("gosu", "su-exec")
_NAMES = ("nonroot", "non-root", "rootless", "unprivileged")


@dockerfile_rule(
    Severity.HIGH,
    "cis-docker:4.1",
    "nist-800-190:4.1.2",
    "hadolint:DL3002",
    "trivy:DS-0002",
    "checkov:CKV_DOCKER_3",
    "dockle:CIS-DI-0001",
    confidence="medium",
)
def unstated_user(file: File) -> Iterator[Hit]:
    """Images for Windows have other users and are passed over; so is a user that is a variable without a value, and what is
    started by gosu as another user.
    """
    final = file.running
    if final is None or final.user is not None or final.shell[0] in ("cmd", "powershell", "pwsh") or _steps_down(final):
        return
    origin = file.origin(final)
    base = origin.base.text
    if not origin.scratch and not any(word in base.lower() for word in _NAMES):
        hit = file.hit(origin.base_word.span, f"sets no USER, so that {base[:200]} decides, which may be root", final)
        yield from mended(file, [(hit, user_for(file, final))])


def _steps_down(stage: Stage) -> bool:
    """`ENTRYPOINT ["gosu", "app", …]`."""
    start = stage.entrypoint or stage.command
    words = [word.text for word in start.args[:2]] if start is not None and start.exec_form else []
    if len(words) < 2 or posixpath.basename(words[0]) not in _STEPS_DOWN:
        return False
    return words[1].partition(":")[0] not in ("root", "0", "") and not words[1].startswith("-")
