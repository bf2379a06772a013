"""A Compose file states a version that means nothing.

Compose has passed over `version` since 2020, and warns of it each time. Readers take it for a bound on what the file
may say.

Fix: Take the key away.

Bad:
    version: "3.8"

    services:
      web:
        image: registry.example.test/web:1.2

Good:
    services:
      web:
        image: registry.example.test/web:1.2
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.core.edit import Drop
from thwart.rules._view import Hit
from thwart.rules.container import Project, project_rule


@project_rule(Severity.NEGLIGIBLE, "dclint:no-version-field")
def obsolete_version(project: Project) -> Iterator[Hit]:
    """Formats 1 to 3 and what followed are one today."""
    if project.version is not None:
        edit = Drop(pointer=project.version.pointer)
        yield project.hit(project.version, "states a version that means nothing", edits=(edit,), safe=True)
