"""A container may write to its image's files.

A root file system that can be written lets an intruder change the program, leave tools and survive a restart.
Programs need to write to a few folders at most.

Fix: Make the root file system read-only, with tmpfs or volumes where the program writes. It is no safe fix: a program
that writes elsewhere fails.

Bad:
    services:
      web:
        image: registry.example.test/web:1.2

Good:
    services:
      web:
        image: registry.example.test/web:1.2
        read_only: true
        tmpfs: [/tmp]
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.container import Container, container_rule
from thwart.rules.container._settings import put


@container_rule(Severity.LOW, "cis-docker:5.13", "nist-800-190:4.4.4")
def writable_root(container: Container) -> Iterator[Hit]:
    """Stated or not, false is false."""
    said = container.read_only
    if said is None:
        yield from container.lacks(("read_only",), "may write to its root file system", put("read_only", value=True))
    elif not said.value:
        yield container.hit(said, "may write to its root file system", put("read_only", value=True))
