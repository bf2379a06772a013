"""Limits from what a container was seen to use."""

from __future__ import annotations

import math
from typing import NamedTuple

from thwart.rules._view import View

MEMORY_HEADROOM = 1.5  # of the most that was seen
CPU_HEADROOM = 1.5
PIDS_HEADROOM = 2.0
_MEMORY_STEP = 16 << 20
_CPU_STEP = 0.1
_PIDS_STEP = 10
_MOST = 100_000  # samples that are looked at


class Suggestion(NamedTuple):
    """What was seen, and the option of `docker run` and `docker update` that allows it with room."""

    seen: str
    option: str


def suggestions(usage: View) -> dict[str, Suggestion]:
    """By the rule that a missing limit breaks. Where nothing was seen, nothing is suggested."""
    found = {}
    span = f"in {usage.number('seconds') or 0:g} seconds"
    memory, cpus, pids = (_samples(usage, name) for name in ("memory", "cpus", "pids"))
    if memory:
        limit = _up(max(memory) * MEMORY_HEADROOM, _MEMORY_STEP) >> 20
        seen = f"{span} it used at most {max(memory) / 1048576:.0f} MiB, and {limit} MiB leave half as much again"
        found["unlimited-memory"] = Suggestion(seen, f"--memory {limit}m")
    if cpus:
        limit_cpus = _up(max(cpus) * CPU_HEADROOM / _CPU_STEP, 1) * _CPU_STEP
        busy = f"{percentile(cpus, 95):.2f} CPUs in 95 of 100 samples and {max(cpus):.2f} at most"
        seen = f"{span} it used {busy}, and {limit_cpus:.1f} leave half as much again"
        found["unlimited-cpu"] = Suggestion(seen, f"--cpus {limit_cpus:.1f}")
    if pids:
        limit = _up(max(pids) * PIDS_HEADROOM, _PIDS_STEP)
        seen = f"{span} the most processes and threads at once were {max(pids):.0f}, and {limit} are twice that or more"
        found["unlimited-processes"] = Suggestion(seen, f"--pids-limit {limit}")
    return found


def percentile(values: list[float], percent: int) -> float:
    """The smallest value that this many of a hundred do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(math.ceil(len(ordered) * percent / 100) - 1, 0)]


def _samples(usage: View, name: str) -> list[float]:
    numbers = usage.values(name)[:_MOST]
    return [
        float(one) for one in numbers if isinstance(one, int | float) and not isinstance(one, bool) and 0 <= one < 1e18
    ]


def _up(value: float, step: int) -> int:
    """The next multiple of the step, at least one."""
    return max(math.ceil(value / step), 1) * step
