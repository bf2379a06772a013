"""A secret stands in the command line of a container.

Whoever may read the pod, its node's processes or the repository reads it too.

Fix: Put it into a Secret, mount that as a file, and remove it wherever it was: it is known now. No edit is offered:
the program has to be told where the file is.

Bad:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - name: web
          image: registry.example.test/web:1.2
          args: ["--password=correct-horse"]

Good:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - name: web
          image: registry.example.test/web:1.2
          args: ["--password-file=/run/secrets/password"]
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._secrets import names_secret, secret
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Pod, pod_rule


@pod_rule(Severity.HIGH, "cis-kubernetes:5.4.1", confidence="medium")
def secret_in_arguments(pod: Pod) -> Iterator[Hit]:
    """Options by their names; references to variables are no secrets."""
    for container in pod.containers:
        for field in ("command", "args"):
            words = container.words(field)
            for index, (word, after) in enumerate(zip(words, [*words[1:], ""], strict=False)):
                name, sign, value = word.partition("=")
                if not word.startswith("-") or (not sign and after.startswith("-")):
                    continue
                name = name.lstrip("-")
                if names_secret(name) and secret(name, value if sign else after):
                    yield container.hit(f"is given a secret by --{name[:60]}", field, index)._replace(hidden=True)
