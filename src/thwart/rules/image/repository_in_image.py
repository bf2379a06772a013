"""The history of the source code is in the image.

A `.git` folder has every version of every file, those with secrets included, the names of who wrote them, and often a token in
its configuration.

Fix: Put `.git` into .dockerignore, or copy only what is needed. No edit is offered: the image is not the Dockerfile
it was built from.

Bad:
    config: {User: "10001"}
    files:
      - {path: app/.git/HEAD, content: "ref: refs/heads/main"}

Good:
    config: {User: "10001"}
    files:
      - {path: app/main.py, content: "print()"}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.image import Image, image_rule


@image_rule(Severity.LOW, "cis-docker:4.10", "dockle:DKL-LI-0003")
def repository_in_image(image: Image) -> Iterator[Hit]:
    """By the file that every repository of Git has."""
    for one in image.holding("repository"):
        folder = one.note.path.removesuffix("/HEAD")
        yield image.found(one, "is a repository with its history", part=folder)
