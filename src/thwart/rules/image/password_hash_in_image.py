"""The hash of a password is in the image.

Everybody who can pull the image can try passwords against it for as long as they like, and what it opens is open in every
container of the image.

Fix: Lock the account in the Dockerfile, `RUN passwd -l NAME && passwd -d NAME` being no lock, and use keys or roles
to get in. Change the password. No edit is offered: the image is not the Dockerfile it was built from.

Bad:
    config: {User: "10001"}
    files:
      - {path: etc/shadow, content: "admin:$6$c2FsdA$Zm9vYmFy:19000:0:99999:7:::\\n"}

Good:
    config: {User: "10001"}
    files:
      - {path: etc/shadow, content: "admin:!:19000:0:99999:7:::\\n"}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit, listed
from thwart.rules.image import Image, image_rule


@image_rule(Severity.MEDIUM, "cis-docker:4.10", "nist-800-190:4.1.4")
def password_hash_in_image(image: Image) -> Iterator[Hit]:
    """Also a hash that is locked for now, and that of a backup."""
    for one in image.holding("shadow", "passwd"):
        names = [row[0] for row in one.note.detail if row[-1] == "hash"] if one.note.path.startswith("etc/") else []
        if names:
            yield image.found(one, f"has hashes of passwords, of {listed(names)}")
