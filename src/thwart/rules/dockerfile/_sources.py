"""What ADD takes its sources for."""

from __future__ import annotations

import re

_REMOTE = re.compile(r"(?:https?|git|ssh)://|git@[^/:]+:", re.IGNORECASE)


def remote(source: str) -> bool:
    """Whether it is downloaded: an address, or a git repository (Dockerfile reference, "ADD")."""
    return _REMOTE.match(source) is not None
