"""A setuid program is none that a distribution has.

It runs as its owner, mostly root, whoever starts it: a way to root that somebody made for this image, or that a package brings
which a service does not need.

Fix: Remove the bit in the Dockerfile, `RUN chmod a-s FILE`, or give the one capability that is needed with `setcap`.
No edit is offered: the image is not the Dockerfile it was built from.

Bad:
    config: {User: "10001"}
    files:
      - {path: opt/backup/run, mode: "4755"}

Good:
    config: {User: "10001"}
    files:
      - {path: opt/backup/run, mode: "0755"}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.image import Image, image_rule
from thwart.rules.image._setuid import privileged, usual


@image_rule(Severity.MEDIUM, "cis-docker:4.8", "nist-800-190:4.1.2", "dockle:CIS-DI-0008")
def unusual_setuid_file(image: Image) -> Iterator[Hit]:
    """Each is a finding."""
    for one in image.files:
        if privileged(one.note) and not usual(one.note):
            bits = " and ".join(
                [*(["setuid"] if one.note.mode & 0o4000 else []), *(["setgid"] if one.note.mode & 0o2000 else [])]
            )
            owner = "root" if one.note.uid == 0 else f"user {one.note.uid}" if one.note.uid > 0 else "an unknown user"
            yield image.found(one, f"is {bits} of {owner}")
