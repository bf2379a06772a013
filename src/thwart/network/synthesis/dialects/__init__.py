"""Dialects of policy: a draft in, the objects of one API out. One file per dialect."""

from __future__ import annotations

from collections.abc import Callable

from thwart.core.registry import Registry
from thwart.network.synthesis.drafting import Draft

Object = dict[str, object]
Write = Callable[[Draft], Object]

MEMBERS: Registry[Write] = Registry(__name__)


def dialect(write: Write) -> Write:
    """Register a writer under the name of its module."""
    return MEMBERS.add(write.__module__.rpartition(".")[2], write)
