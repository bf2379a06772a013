"""A container is started with sudo.

sudo needs a file with the setuid bit and rights to become root: both are what an attacker looks for.

Fix: Start the program as the user that it needs. No edit is offered: which one that is is not written.

Bad:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - name: web
          image: registry.example.test/web:1.2
          command: [sudo, web]

Good:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - name: web
          image: registry.example.test/web:1.2
          command: [web]
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Pod, pod_rule


@pod_rule(Severity.LOW)
def sudo_in_command(pod: Pod) -> Iterator[Hit]:
    """The first word, or one after a shell's -c."""
    for container in pod.containers:
        for field in ("command", "args"):
            words = container.words(field)
            if any(word == "sudo" or word.startswith("sudo ") for word in words):
                yield container.hit("is started with sudo", field)
