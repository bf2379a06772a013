"""What package managers leave behind is in the image.

Lists and downloaded packages make the image larger and serve nobody, and what they say of versions grows old.

Fix: Remove them in the instruction that made them, `rm -rf /var/lib/apt/lists/*`, `apk add --no-cache`, `pip install
--no-cache-dir`, or use `RUN --mount=type=cache`. No edit is offered: the image is not the Dockerfile it was built
from.

Bad:
    config: {User: "10001"}
    files:
      - {path: var/lib/apt/lists/deb.example.test_dists_stable_main_binary-amd64_Packages, content: "Package: x"}

Good:
    config: {User: "10001"}
    files:
      - {path: var/lib/apt/lists/lock}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.core.layer import Placed
from thwart.rules._view import Hit, listed
from thwart.rules.image import Image, image_rule


@image_rule(Severity.NEGLIGIBLE, "cis-docker:4.3", "dockle:DKL-LI-0003", "hadolint:DL3009")
def package_cache_in_image(image: Image) -> Iterator[Hit]:
    """All in one finding, of at most one file for each folder."""
    first: dict[str, Placed] = {}
    for one in image.holding("cache"):
        first.setdefault("/".join(one.note.path.split("/")[:4]).rpartition("/")[0], one)
    told = f"keeps caches of package managers: {listed(sorted(first))}"
    return (image.found(one, told, part="") for one in first.values())
