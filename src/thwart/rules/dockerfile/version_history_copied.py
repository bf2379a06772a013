"""The history of the sources is copied into the image.

`.git` holds every version of every file, also of secrets that were removed since, and addresses with tokens in its
configuration.

Fix: Name `.git` in `.dockerignore`, and pass the version as an argument of the build. No edit is offered, as the build may
read it.

Bad:
    FROM registry.example.test/base:1.2
    COPY .git /srv/.git

Good:
    FROM registry.example.test/base:1.2
    COPY src /srv/src
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule


@dockerfile_rule(Severity.MEDIUM, "cis-docker:4.10", "nist-800-190:4.1.4", "dockle:DKL-LI-0003")
def version_history_copied(file: File) -> Iterator[Hit]:
    """By name; what `COPY .` takes depends on files that rules do not see."""
    for stage, step in file.steps("COPY", "ADD"):
        for word in step.instruction.sources if stage.index in file.shipped else ():
            path = step.expand(word.text).text.rstrip("/*")
            if path.rpartition("/")[2] in (".git", ".hg", ".svn"):
                yield file.hit(word.span, f"copies {path[:80]}", stage)
