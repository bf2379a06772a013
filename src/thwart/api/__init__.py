"""The verbs: what joins the rooms. Shells call these, and so may any Python program."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from thwart.core.report import Policy, Report, Verdict

if TYPE_CHECKING:
    from thwart.api._check import CheckOptions, check
    from thwart.api._fix import FixOptions, FixPlan, plan_fix
    from thwart.api._scan import ScanOptions, scan
    from thwart.reports import RenderOptions

__all__ = [
    "CheckOptions",
    "FixOptions",
    "FixPlan",
    "ScanOptions",
    "check",
    "decide",
    "formats",
    "plan_fix",
    "scan",
    "write",
]


def decide(report: Report, policy: Policy | None = None, today: date | None = None) -> tuple[Report, Verdict]:
    """Judge a report: exceptions first, then the threshold. See `thwart.gate.decide`.

    Args:
        report: what `scan` returned.
        policy: what the gate asks for; by default nothing of severity `high` or worse, and nothing incomplete.
        today: the day on which exceptions are valid or expired; by default today.
    """
    from thwart import gate

    return gate.decide(report, policy or Policy(), today or datetime.now(UTC).date())


def write(name: str, reports: Sequence[tuple[Report, Verdict]], options: RenderOptions | None = None) -> bytes:
    """Reports and their verdicts as the bytes of one document in that format. See `formats`."""
    from thwart import reports as room

    return room.write(name, reports, options or room.RenderOptions())


def formats() -> list[str]:
    """The names of all output formats."""
    from thwart import reports as room

    return room.formats()


_HOMES = {
    "CheckOptions": "_check",
    "check": "_check",
    "FixOptions": "_fix",
    "FixPlan": "_fix",
    "plan_fix": "_fix",
    "ScanOptions": "_scan",
    "scan": "_scan",
}


def __getattr__(name: str) -> object:
    """Load a verb when it is first used: a check of documents needs nothing of what a scan needs."""
    if name in _HOMES:
        import importlib

        return getattr(importlib.import_module(f"thwart.api.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'thwart.api' has no attribute {name!r}")
