"""The one error of the bounded document loaders (JSON, YAML, TOML)."""

from __future__ import annotations


class DocumentError(ValueError):
    """A document is malformed or beyond its bounds; `line` is 1-based, 0 when unknown."""

    def __init__(self, reason: str, line: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
