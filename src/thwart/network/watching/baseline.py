"""What is usual: the flows that were seen, and how many destinations and ports each source uses in a window of time.

A baseline is a JSON file. It is refused when it is malformed or of another version: a watch that knows nothing of what is
usual must not look like one that does.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from thwart.core.errors import SourceError

SCHEMA = "thwart-net-baseline-v1"
MEASURES = (
    "destinations",
    "ports",
    "sweep",
)  # of a window: all destinations, most ports of one, most destinations of one port
MOST_FLOWS = 1_000_000
MOST_SOURCES = 200_000
MOST_BYTES = 256 << 20


class Known(NamedTuple):
    """A flow as a baseline remembers it: workloads, and blocks of addresses outside."""

    source: str
    destination: str
    protocol: str
    port: int


class Usual(NamedTuple):
    """A distribution over windows: how many, their mean, their standard deviation and the largest."""

    windows: int
    mean: float
    deviation: float
    most: int


class _Source(msgspec.Struct, forbid_unknown_fields=True):
    destinations: dict[int, int] = {}  # count -> windows
    ports: dict[int, int] = {}
    sweep: dict[int, int] = {}


class _File(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    schema: str
    window: int
    first: float | None = None
    last: float | None = None
    records: int
    flows: list[tuple[str, str, str, int]]
    sources: dict[str, _Source]


class Baseline:
    """What was learned. `window` is in seconds."""

    def __init__(self, window: int) -> None:
        self.window = window
        self.first: float | None = None
        self.last: float | None = None
        self.records = 0
        self.full = False  # whether something could not be remembered for want of room
        self._flows: set[Known] = set()
        self._sources: dict[str, _Source] = {}
        self._pooled: dict[str, Usual] = {}

    def __contains__(self, flow: Known) -> bool:
        return flow in self._flows

    def __len__(self) -> int:
        return len(self._flows)

    def add(self, flow: Known) -> None:
        """Remember a flow."""
        if len(self._flows) < MOST_FLOWS or flow in self._flows:
            self._flows.add(flow)
        else:
            self.full = True

    def count(self, time: float | None) -> None:
        """Count a record."""
        self.records += 1
        if time is not None:
            self.first = time if self.first is None else min(self.first, time)
            self.last = time if self.last is None else max(self.last, time)

    def measure(self, source: str, values: dict[str, int]) -> None:
        """Remember what a source did in one window."""
        found = self._sources.get(source)
        if found is None:
            if len(self._sources) >= MOST_SOURCES:
                self.full = True
                return
            found = self._sources[source] = _Source()
        self._pooled.clear()
        for name in MEASURES:
            counts: dict[int, int] = getattr(found, name)
            counts[values[name]] = counts.get(values[name], 0) + 1

    def usual(self, source: str, name: str) -> Usual | None:
        """What a source does; None for one that was not seen."""
        found = self._sources.get(source)
        return _usual([getattr(found, name)]) if found is not None else None

    def pooled(self, name: str) -> Usual | None:
        """What all sources do, window by window; None when nothing was learned."""
        if name not in self._pooled:
            found = _usual([getattr(one, name) for one in self._sources.values()])
            if found is None:
                return None
            self._pooled[name] = found
        return self._pooled[name]

    def dump(self) -> bytes:
        """The file: sorted, so that equal baselines are equal bytes."""
        sources = {
            name: {measure: _sorted(getattr(one, measure)) for measure in MEASURES}
            for name, one in sorted(self._sources.items())
        }
        document = {
            "schema": SCHEMA,
            "window": self.window,
            "first": self.first,
            "last": self.last,
            "records": self.records,
            "flows": sorted(self._flows),
            "sources": sources,
        }
        return msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n"


def read_baseline(data: bytes, name: str = "baseline") -> Baseline:
    """A baseline from its file.

    Raises:
        SourceError: it is malformed, of another version, or holds what no log can teach.
    """
    hint = "learn it again with `thwart net watch --learn FILE`"
    if len(data) > MOST_BYTES:
        raise SourceError(f"{name} is larger than {MOST_BYTES} bytes", hint)
    try:
        found = msgspec.json.decode(data, type=_File)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise SourceError(f"{name} is no baseline: {str(error)[:200]}", hint) from None
    if found.schema != SCHEMA:
        raise SourceError(f"{name} is a baseline of the version {found.schema[:80]!r}, not {SCHEMA}", hint)
    why = _wrong(found)
    if why:
        raise SourceError(f"{name} is no baseline: {why}", hint)
    baseline = Baseline(found.window)
    baseline.first, baseline.last, baseline.records = found.first, found.last, found.records
    baseline._flows = {Known(*flow) for flow in found.flows}  # noqa: SLF001 - of this module
    baseline._sources = found.sources  # noqa: SLF001
    return baseline


def _wrong(found: _File) -> str:
    if not 1 <= found.window <= 86400:
        return f"its windows are {found.window} seconds long"
    if found.records < 0 or len(found.flows) > MOST_FLOWS or len(found.sources) > MOST_SOURCES:
        return "it has more than a baseline can hold"
    if any(not 1 <= port <= 65535 for *_, port in found.flows):
        return "a flow has no port"
    for one in found.sources.values():
        for name in MEASURES:
            if any(
                value < 0 or windows < 1 or value > 1 << 40 or windows > 1 << 40
                for value, windows in getattr(one, name).items()
            ):
                return "a source has a negative count"
    return ""


def _usual(histograms: Iterable[dict[int, int]]) -> Usual | None:
    windows = total = squares = most = 0
    for histogram in histograms:
        for value, count in histogram.items():
            windows += count
            total += value * count
            squares += value * value * count
            most = max(most, value)
    if not windows:
        return None
    mean = total / windows
    return Usual(windows, mean, math.sqrt(max(squares / windows - mean * mean, 0.0)), most)


def _sorted(histogram: dict[int, int]) -> dict[str, int]:
    return {str(value): histogram[value] for value in sorted(histogram)}
