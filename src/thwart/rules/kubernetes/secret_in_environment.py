"""A container gets a secret in its environment.

The environment is handed on to every child process, printed by crash reports and read from /proc by whoever runs as
the same user. A mounted file goes to who opens it, and changes when the secret does.

Fix: Mount the secret as a volume and read it from the file. No edit is offered: the program has to be told where the
file is.

Bad:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - name: web
          image: registry.example.test/web:1.2
          env:
            - name: TOKEN
              valueFrom:
                secretKeyRef: {name: web, key: token}

Good:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - name: web
          image: registry.example.test/web:1.2
          volumeMounts:
            - {name: token, mountPath: /run/secrets/web, readOnly: true}
      volumes:
        - name: token
          secret: {secretName: web}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Pod, pod_rule


@pod_rule(Severity.LOW, "cis-kubernetes:5.4.1", "nist-800-190:4.1.4")
def secret_in_environment(pod: Pod) -> Iterator[Hit]:
    """Single keys and whole secrets."""
    for container in pod.containers:
        for entry in container.entries("env"):
            if entry.has("valueFrom", "secretKeyRef"):
                steps = (*entry.pointer, "valueFrom", "secretKeyRef")
                yield Hit(steps, f"has a secret in the variable {entry.text('name')[:100]}", container.part)
        for entry in container.entries("envFrom"):
            if entry.has("secretRef"):
                name = entry.text("secretRef", "name")[:100]
                yield Hit(
                    (*entry.pointer, "secretRef"), f"has all of the secret {name} in its environment", container.part
                )
