"""The image was made long ago.

What was published since its last build is in none of its packages, whatever the scan knows of them today. A date that a
reproducible build sets, at or before 1980, tells nothing and is passed over.

Fix: Build it again from a current base, and have the pipeline do so every few weeks. No edit is offered: the image is
not the Dockerfile it was built from.

Bad:
    judged: "2026-06-01T00:00:00Z"
    created: "2023-01-31T10:00:00Z"
    config: {User: "10001"}

Good:
    judged: "2026-06-01T00:00:00Z"
    created: "2026-05-20T10:00:00Z"
    config: {User: "10001"}
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.image import Image, image_rule

_DAYS = 365
_REPRODUCIBLE = 1980  # the earliest that zip archives can say


@image_rule(Severity.LOW, "cis-docker:4.4", "nist-800-190:4.1.1")
def old_image(image: Image) -> Iterator[Hit]:
    """More than a year before the day of judgement."""
    try:
        made, day = (date.fromisoformat(image.text(name)[:10]) for name in ("created", "judged"))
    except ValueError:
        return
    if made.year > _REPRODUCIBLE and (day - made).days > _DAYS:
        yield image.stated("was made more than a year ago", "created")
