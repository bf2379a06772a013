"""A program asks nobody who it is.

A database without a password trusts the network: every pod that reaches it, and every program that an intruder runs in
one, reads and changes all that it holds. The same is true of an administration that is open.

Fix: Switch the authentication on, and mount the password from a Secret; or leave the administration off. No edit is
offered: the clients have to be told the password.

Bad:
    apiVersion: v1
    kind: Pod
    metadata: {name: db}
    spec:
      containers:
        - name: redis
          image: redis:8.0
          args: [--protected-mode, "no"]

Good:
    apiVersion: v1
    kind: Pod
    metadata: {name: db}
    spec:
      containers:
        - name: redis
          image: redis:8.0
          args: [/etc/redis/redis.conf]
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._unguarded import by_variables, by_words
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Pod, pod_rule


@pod_rule(Severity.MEDIUM, "nsa:authentication", confidence="medium")
def unauthenticated_program(pod: Pod) -> Iterator[Hit]:
    """By the settings of well-known images and programs."""
    for container in pod.containers:
        entries = container.entries("env")
        for number, phrase in by_variables((one.text("name"), one.text("value")) for one in entries):
            yield container.hit(phrase, "env", number)
        for key in ("command", "args"):
            phrase = by_words(container.words(key))
            if phrase:
                yield container.hit(phrase, key)
