"""The base depends on an argument that has no value.

Without `--build-arg` the build stops or, where only the tag is missing, takes another image than was meant.

Fix: Give the argument a default: `ARG VERSION=1.2`. No edit is offered, as the file does not say which.

Bad:
    ARG VERSION
    FROM registry.example.test/base:1.2$VERSION

Good:
    ARG VERSION=1.2
    FROM registry.example.test/base:$VERSION
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule


@dockerfile_rule(Severity.LOW)
def unset_base_variable(file: File) -> Iterator[Hit]:
    """Variables in FROM that no ARG before the first FROM gives a value."""
    for stage in file.build.stages:
        if stage.base.unset:
            name = min(stage.base.unset)
            yield file.hit(stage.base_word.span, f"takes its base by {name[:80]}, which has no value", stage)
