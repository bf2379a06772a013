"""Everything beside the Dockerfile is copied into the image.

Without a `.dockerignore`, `COPY . .` takes what lies there on the day: `.git` with the whole history, `.env` with
passwords, keys, the output of tests. Whoever has the image has them.

Fix: Write a `.dockerignore` that names at least `.git`, `.env` and keys, or copy only what is needed. No edit is offered:
what the build needs only its author knows.

Bad:
    FROM registry.example.test/base:1.2
    COPY . /srv

Good:
    FROM registry.example.test/base:1.2
    COPY src /srv/src
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule


@dockerfile_rule(Severity.LOW, "cis-docker:4.10", "nist-800-190:4.1.4", confidence="medium")
def whole_context_copied(file: File) -> Iterator[Hit]:
    """In the stages whose layers are in the image, from the folder that is built, where nothing says what to leave out."""
    for stage, step in file.steps("COPY", "ADD"):
        if stage.index not in file.shipped or any(one.name in ("from", "exclude") for one in step.instruction.flags):
            continue
        for word in step.instruction.sources:
            if posixpath.normpath(step.expand(word.text).text or "x") in (".", "/", "*") and not file.ignores:
                yield file.hit(word.span, "copies everything beside it, and no .dockerignore says what not", stage)
