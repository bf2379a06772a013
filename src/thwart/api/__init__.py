"""The verbs: what joins the rooms. Shells call these, and so may any Python program."""

from __future__ import annotations

from thwart.api.scan import ScanOptions, scan

__all__ = ["ScanOptions", "scan"]
