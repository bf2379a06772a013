"""A secret is in the Dockerfile or in what the image keeps.

What ENV and ARG set is in the image's configuration and history, for everybody who can pull it, and stays in the layers when
a later instruction unsets it. An argument of the build is kept in the same way, whoever gives it.

Fix: Give secrets to the build as `RUN --mount=type=secret,id=…`, and to the container when it runs. Change the
secret. No edit is offered, as the secret has to be stored somewhere else first.

Bad:
    FROM registry.example.test/base:1.2
    ENV DB_PASSWORD=hunter2-hunter2

Good:
    FROM registry.example.test/base:1.2
    ENV DB_PASSWORD_FILE=/run/secrets/db/password
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.lib.dockerfile import Pair, Stage
from thwart.rules._secrets import names_secret, secret
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule


@dockerfile_rule(
    Severity.CRITICAL,
    "cis-docker:4.10",
    "nist-800-190:4.1.4",
    "hadolint:DL3064",
    "dockle:CIS-DI-0010",
    confidence="medium",
)
def baked_secret(file: File) -> Iterator[Hit]:
    """By names of variables, and values that are addresses with a password or private keys; the value is not repeated."""
    for instruction in file.parsed.instructions:
        if instruction.name == "FROM":
            break
        for pair in instruction.pairs if instruction.name == "ARG" else ():
            yield from _judge(file, None, "ARG", pair, pair.value.text if pair.value else "")
    for stage, step in file.steps("ENV", "ARG"):
        for pair in step.instruction.pairs:
            value = step.expand(pair.value.text).text if pair.value else ""
            yield from _judge(file, stage, step.instruction.name, pair, value)


def _judge(file: File, stage: Stage | None, keyword: str, pair: Pair, value: str) -> Iterator[Hit]:
    name = pair.name.text
    written = pair.value.text if pair.value else ""
    asked = names_secret(name)
    if secret(name, value):
        yield file.hit(pair.name.span, f"has a secret as plain value of {keyword} {name[:100]}", stage, hidden=True)
    elif asked and keyword == "ARG" and not value:
        yield file.hit(
            pair.name.span, f"takes a secret as ARG {name[:100]}, which the history keeps", stage, hidden=True
        )
    elif asked and keyword == "ENV" and not value and "$" in written:
        yield file.hit(pair.name.span, f"keeps what a build is given as ENV {name[:100]}", stage, hidden=True)
