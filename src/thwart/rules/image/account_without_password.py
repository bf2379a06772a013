"""An account needs no password.

An empty field in /etc/shadow lets `su`, and every service that asks PAM with `nullok`, take whoever comes for that account.

Fix: Lock the account in the Dockerfile: `RUN passwd -l NAME`, or `usermod -p '!' NAME`. No edit is offered: the image
is not the Dockerfile it was built from.

Bad:
    config: {User: "10001"}
    files:
      - {path: etc/shadow, content: "root::19000:0:99999:7:::\\n"}

Good:
    config: {User: "10001"}
    files:
      - {path: etc/shadow, content: "root:*:19000:0:99999:7:::\\n"}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit, listed
from thwart.rules.image import Image, image_rule

_FILES = ("etc/shadow", "etc/passwd")


@image_rule(Severity.HIGH, "dockle:DKL-LI-0001")
def account_without_password(image: Image) -> Iterator[Hit]:
    """Of /etc/shadow, and of /etc/passwd where it still has the passwords."""
    for one in image.holding("shadow", "passwd"):
        names = [row[0] for row in one.note.detail if row[-1] == "empty"] if one.note.path in _FILES else []
        if names:
            yield image.found(one, f"lets accounts in without a password: {listed(names)}")
