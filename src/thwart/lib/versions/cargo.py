"""Crate versions: Semantic Versioning 2.0.0 precedence, build metadata ignored.

Cargo itself accepts only `valid` strings. Others that npm's scheme can read (`v1.0`, a missing patch number) are placed
as there, since advisories hold them.
"""

from __future__ import annotations

from thwart.lib.versions.npm import key, valid

__all__ = ["key", "valid"]
