"""NuGet versions: NuGetVersion, which is Semantic Versioning 2.0.0 with up to four numbers.

Missing numbers are 0, leading zeros do not count, pre-release labels are compared without regard to case, build
metadata is ignored. Other strings have no place.
"""

from __future__ import annotations

import re

from thwart.lib.versions import VersionError
from thwart.lib.versions._semver import precedence

_SHAPE = re.compile(
    r"\s*v?([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?(?:\.([0-9]+))?(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?"
    r"(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?\s*"
)


def key(version: str) -> tuple[int | str, ...]:
    """Four numbers and the pre-release."""
    shape = _SHAPE.fullmatch(version)
    if shape is None:
        raise VersionError(f"{version!r} is no NuGet version")
    label = shape[5]
    return precedence(label.lower() if label else None, *(int(number or "0") for number in shape.group(1, 2, 3, 4)))


def valid(version: str) -> bool:
    """Whether NuGetVersion reads the string."""
    return _SHAPE.fullmatch(version) is not None
