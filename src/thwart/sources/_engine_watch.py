"""What containers use while we look: samples of the engine's statistics."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from thwart.sources._engine_wire import EngineError, Wire

_EVERY = 1.0  # seconds from the beginning of one round to the next


def watch(
    wire: Wire,
    identifiers: list[str],
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, dict[str, list[float]]]:
    """Ask for the statistics of every container once a second.

    Returns:
        By container: `memory` in bytes without what the kernel may drop at once, `cpus` used between samples, `pids`. A
        container that went away has what was seen until then.
    """
    found: dict[str, dict[str, list[float]]] = {one: {"memory": [], "cpus": [], "pids": []} for one in identifiers}
    before: dict[str, tuple[float, float]] = {}
    end = clock() + seconds
    while True:
        begun = clock()
        for identifier in identifiers:
            try:
                sample = wire.get(f"/containers/{identifier}/stats?stream=false&one-shot=true")
            except EngineError:
                continue
            _note(sample, found[identifier], before, identifier)
        if clock() >= end:
            return found
        sleep(max(min(begun + _EVERY, end) - clock(), 0.0))


def _note(
    sample: object, kept: dict[str, list[float]], before: dict[str, tuple[float, float]], identifier: str
) -> None:
    memory = _number(sample, "memory_stats", "usage")
    if memory is not None:
        # cgroup v1 counts a hierarchy's as total_inactive_file; what is inactive is given up before a limit is hit
        cache = _number(sample, "memory_stats", "stats", "total_inactive_file")
        cache = _number(sample, "memory_stats", "stats", "inactive_file") if cache is None else cache
        kept["memory"].append(max(memory - (cache or 0), 0))
    pids = _number(sample, "pids_stats", "current")
    if pids is not None:
        kept["pids"].append(pids)
    used, when = _number(sample, "cpu_stats", "cpu_usage", "total_usage"), _moment(sample)
    if used is None or when is None:
        return
    if identifier in before and when > before[identifier][1]:
        spent = (used - before[identifier][0]) / 1e9  # nanoseconds
        kept["cpus"].append(max(spent / (when - before[identifier][1]), 0.0))
    before[identifier] = (used, when)


def _number(value: object, *steps: str) -> float | None:
    for step in steps:
        value = value.get(step) if isinstance(value, dict) else None
    return value if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e18 else None


def _moment(sample: object) -> float | None:
    """When the engine took the sample, in seconds; fractions finer than microseconds are cut."""
    text = sample.get("read") if isinstance(sample, dict) else None
    if not isinstance(text, str) or len(text) < 20:
        return None
    head, _, rest = text.partition(".")
    digits = rest.rstrip("Z")[:6]
    try:
        return datetime.fromisoformat(f"{head[:19]}.{digits:0<6}+00:00").timestamp()
    except ValueError:
        return None
