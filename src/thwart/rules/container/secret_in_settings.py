"""A secret stands in a container's settings.

Everybody who reads the document, the repository's history, `docker inspect` or a crash report has it. Arguments of a
build stay in the image's history.

Fix: Move it into a secret that is mounted as a file, or take it from the environment of whoever starts the container;
then change it. No edit is offered: the secret must come from somewhere.

Bad:
    services:
      web:
        image: registry.example.test/web:1.2
        environment:
          DB_PASSWORD: hunter2

Good:
    services:
      web:
        image: registry.example.test/web:1.2
        environment:
          DB_PASSWORD_FILE: /run/secrets/db
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._secrets import secret
from thwart.rules._view import Hit
from thwart.rules.container import Container, container_rule


@container_rule(Severity.HIGH, "cis-docker:4.10", "nist-800-190:4.1.4", "cis-docker:7.4", confidence="medium")
def secret_in_settings(container: Container) -> Iterator[Hit]:
    """By the variable's name, or as an address with a password, or a private key; references are none."""
    for said in container.environment:
        if said.value.literal and secret(said.value.name, said.value.value or ""):
            yield container.hit(said, f"has a secret in {said.value.name[:80]}", hidden=True)
    for said in container.build_arguments:
        if said.value.literal and secret(said.value.name, said.value.value or ""):
            yield container.hit(said, f"is built with a secret in {said.value.name[:80]}", hidden=True)
