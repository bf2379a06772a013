"""Formats of a verdict. One file per format."""

from __future__ import annotations

from collections.abc import Callable

from thwart.core.registry import Registry
from thwart.network.intents.outcome import Verdict

Write = Callable[[Verdict], str]

MEMBERS: Registry[Write] = Registry(__name__)


def verdict_format(write: Write) -> Write:
    """Register a writer under its function's name."""
    return MEMBERS.add(getattr(write, "__name__", ""), write)
