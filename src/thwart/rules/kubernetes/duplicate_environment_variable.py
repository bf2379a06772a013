"""A variable of the environment is set twice.

The last one counts. Whoever reads the first believes in a setting that is not there.

Fix: Remove the entry that does not count.

Bad:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - name: web
          image: registry.example.test/web:1.2
          env: [{name: MODE, value: safe}, {name: MODE, value: fast}]

Good:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - name: web
          image: registry.example.test/web:1.2
          env: [{name: MODE, value: safe}]
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Pod, pod_rule
from thwart.rules.kubernetes._edits import drop


@pod_rule(Severity.LOW)
def duplicate_environment_variable(pod: Pod) -> Iterator[Hit]:
    """By name, within one container. An entry between the two may use the first one's value: then the edit is not safe."""
    for container in pod.containers:
        entries = container.entries("env")
        last = {entry.text("name"): entry for entry in entries}
        for entry in entries:
            name = entry.text("name")
            if name and last[name].pointer != entry.pointer:
                used = any(f"$({name})" in one.text("value") for one in entries)
                hit = Hit(entry.pointer, f"sets {name[:80]} more than once", container.part)
                yield hit.mended(drop(entry), safe=not used)
