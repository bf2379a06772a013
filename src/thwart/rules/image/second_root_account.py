"""Another account than root has the number 0.

It is root by another name: what looks for `root` in a configuration, a log or a rule does not see it.

Fix: Give the account a number of its own, or remove it. No edit is offered: the image is not the Dockerfile it was
built from.

Bad:
    config: {User: "10001"}
    files:
      - {path: etc/passwd, content: "root:x:0:0::/root:/bin/sh\\nsupport:x:0:0::/:/bin/sh\\n"}

Good:
    config: {User: "10001"}
    files:
      - {path: etc/passwd, content: "root:x:0:0::/root:/bin/sh\\nsupport:x:500:500::/:/bin/sh\\n"}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit, listed
from thwart.rules.image import Image, image_rule


@image_rule(Severity.HIGH, "dockle:DKL-LI-0002")
def second_root_account(image: Image) -> Iterator[Hit]:
    """BSD's toor is one too."""
    for one in image.holding("passwd"):
        names = [row[0] for row in one.note.detail if not row[1].strip("0") and row[0] != "root"]
        if names and one.note.path == "etc/passwd":
            yield image.found(one, f"gives the number of root to {listed(names)}")
