"""What two rules on /proc share."""

from __future__ import annotations

from collections.abc import Iterator

from thwart.rules._view import Hit, listed
from thwart.rules.kubernetes import Pod
from thwart.rules.kubernetes._edits import drop


def unmasked(pod: Pod) -> Iterator[Hit]:
    """Containers whose `procMount` is anything but the default."""
    for container in pod.containers:
        kind = container.at("securityContext", "procMount")
        if kind is not None and kind != "Default":
            hit = container.hit(f"mounts /proc as {listed([str(kind)])}", "securityContext", "procMount")
            yield hit.mended(drop(container, "securityContext", "procMount"))
