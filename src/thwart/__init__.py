"""Thwart: what in these containers can an attacker use, and what is the smallest change that stops it?

The public API: `scan` a target into a `Report`, `decide` on it with a `Policy`, `write` it in a format.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from thwart._version import __version__

if TYPE_CHECKING:
    from thwart.api import CheckOptions, ScanOptions, check, decide, scan, write
    from thwart.core.errors import SourceError, ThwartError, UsageError
    from thwart.core.finding import Diagnostic, Evidence, Finding, Fix, Suppressed
    from thwart.core.package import Layer, Location, Package, Release
    from thwart.core.report import Asset, Exception_, Policy, Report, Verdict
    from thwart.core.rule import Control, Rule
    from thwart.sources import OpenOptions

_HOMES = {
    "CheckOptions": "thwart.api",
    "check": "thwart.api",
    "ScanOptions": "thwart.api",
    "decide": "thwart.api",
    "scan": "thwart.api",
    "write": "thwart.api",
    "SourceError": "thwart.core.errors",
    "ThwartError": "thwart.core.errors",
    "UsageError": "thwart.core.errors",
    "Diagnostic": "thwart.core.finding",
    "Evidence": "thwart.core.finding",
    "Finding": "thwart.core.finding",
    "Fix": "thwart.core.finding",
    "Suppressed": "thwart.core.finding",
    "Layer": "thwart.core.package",
    "Location": "thwart.core.package",
    "Package": "thwart.core.package",
    "Release": "thwart.core.package",
    "Asset": "thwart.core.report",
    "Exception_": "thwart.core.report",
    "Policy": "thwart.core.report",
    "Report": "thwart.core.report",
    "Verdict": "thwart.core.report",
    "Control": "thwart.core.rule",
    "Rule": "thwart.core.rule",
    "OpenOptions": "thwart.sources",
}

__all__ = [
    "Asset",
    "CheckOptions",
    "Control",
    "Diagnostic",
    "Evidence",
    "Exception_",
    "Finding",
    "Fix",
    "Layer",
    "Location",
    "OpenOptions",
    "Package",
    "Policy",
    "Release",
    "Report",
    "Rule",
    "ScanOptions",
    "SourceError",
    "Suppressed",
    "ThwartError",
    "UsageError",
    "Verdict",
    "__version__",
    "check",
    "decide",
    "scan",
    "write",
]


def __getattr__(name: str) -> object:
    """Load the public names when they are first used, so that `import thwart` stays cheap."""
    if name in _HOMES:
        import importlib

        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'thwart' has no attribute {name!r}")
