"""Thwart: what in these containers can an attacker use, and what is the smallest change that stops it?"""

from __future__ import annotations

from thwart._version import __version__

__all__ = ["__version__"]
