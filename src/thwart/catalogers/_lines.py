"""Lines of things in a document whose reader tells none."""

from __future__ import annotations

_PATIENCE = 8  # needles not found before giving up: each costs a look at the whole rest


class Lines:
    """Finds needles that come in the document's order; never looks back, so that the whole costs one pass."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._line = 1
        self._patience = _PATIENCE

    def of(self, needle: str) -> int:
        """The 1-based line where the next `needle` ends, 0 when it is not there."""
        if not self._patience:
            return 0
        wanted = needle.encode("utf-8", "replace")
        start = self._data.find(wanted, self._at)
        if start < 0:
            self._patience -= 1
            return 0
        end = start + len(wanted)
        self._line += self._data.count(b"\n", self._at, end)
        self._at = end
        return self._line
