"""A service asks nobody who it is.

A database without a password trusts the network: every container that reaches it, and every program that an intruder
runs in one, reads and changes all that it holds.

Fix: Switch the authentication on, and give the password as a secret that is mounted as a file. No edit is offered: the
clients have to be told the password.

Bad:
    services:
      db:
        image: postgres:17.4
        environment: {POSTGRES_HOST_AUTH_METHOD: trust}

Good:
    services:
      db:
        image: postgres:17.4
        environment: {POSTGRES_PASSWORD_FILE: /run/secrets/db}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._unguarded import by_variables, by_words
from thwart.rules._view import Hit
from thwart.rules.container import Container, container_rule


@container_rule(Severity.MEDIUM, "nist-800-190:4.4.4", confidence="medium")
def unauthenticated_service(container: Container) -> Iterator[Hit]:
    """By the settings of well-known images and programs."""
    said = container.environment
    for number, phrase in by_variables((one.value.name, one.value.value or "") for one in said):
        yield container.hit(said[number], phrase)
    phrase = by_words(container.command.value) if container.command is not None else ""
    if container.command is not None and phrase:
        yield container.hit(container.command, phrase)
