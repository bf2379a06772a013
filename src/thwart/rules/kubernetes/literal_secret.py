"""A container has a password in its manifest.

A manifest is read by many: in the repository, in the API server, in every tool that applies it. A password there is
known, and stays in the history when it is removed.

Fix: Put the value into a Secret that does not live in the repository, and mount that. Change the password. No edit is
offered: the value has to be stored somewhere else first.

Bad:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - name: web
          image: registry.example.test/web:1.2
          env:
            - {name: DB_PASSWORD, value: hunter2-hunter2}

Good:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - name: web
          image: registry.example.test/web:1.2
          env:
            - {name: DB_PASSWORD_FILE, value: /run/secrets/db/password}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._secrets import secret
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Pod, pod_rule


@pod_rule(Severity.CRITICAL, "cis-kubernetes:5.4.1", "nsa:secrets", "nist-800-190:4.1.4", confidence="medium")
def literal_secret(pod: Pod) -> Iterator[Hit]:
    """Variables by their names, and addresses with a password in them; the value is not repeated."""
    for container in pod.containers:
        for entry in container.entries("env"):
            name = entry.text("name")
            if secret(name, entry.text("value")):
                told = f"has a secret as plain value of {name[:100]}"
                yield Hit((*entry.pointer, "name"), told, container.part, hidden=True)
