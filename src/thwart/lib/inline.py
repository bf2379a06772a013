"""Comments that accept a finding where it stands: `# thwart: ignore[CVE-2024-1, GHSA-…] reason`."""

from __future__ import annotations

import re
from typing import NamedTuple

MARK = b"thwart: ignore["
_COMMENT = re.compile(r"(?:#|//|<!--|;)\s*thwart: ignore\[([^\[\]]{0,500})\]([^\n]{0,500})")


class Inline(NamedTuple):
    """One comment: the 1-based line that it speaks of, the ids it names, and why (empty when it does not say)."""

    line: int
    ids: tuple[str, ...]
    reason: str


def comments(data: bytes) -> list[Inline]:
    """Every such comment. One that stands alone on its line speaks of the line below."""
    if MARK not in data:
        return []
    found = []
    for number, line in enumerate(data.decode("utf-8", "replace").split("\n"), start=1):
        match = _COMMENT.search(line)
        if match:
            alone = not line[: match.start()].strip()
            ids = tuple(part.strip() for part in match[1].split(",") if part.strip())
            found.append(Inline(number + alone, ids, match[2].replace("-->", "").strip()))
    return found
