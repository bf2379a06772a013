"""A stream of recorded flows watched against policies and against what is usual."""

from __future__ import annotations

import contextlib
import heapq
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from thwart.api.net._flows import blocks, open_flows
from thwart.core.errors import SourceError, UsageError

if TYPE_CHECKING:
    from thwart.api.net._load import Network
    from thwart.network.flowlogs import FlowRecord, Problem
    from thwart.network.watching import Forbidden, Watcher
    from thwart.network.watching.baseline import Baseline
    from thwart.network.watching.events import Event
    from thwart.network.watching.scoring import Bounds

WINDOW = 300
_METRICS_EVERY = 10_000


@dataclass(slots=True, kw_only=True)
class Watch:
    """A watch: `run` reports as the log is read; afterwards the counts are in `watcher.metrics`.

    `forbidden` says why an intent forbids a flow that policies allow. `idle` ends a log that is followed after so many
    seconds without news. `window` is 0 for that of the baseline, else 300 seconds.
    """

    network: Network
    flows: Sequence[str]
    format: str = "auto"
    year: int = 0
    pods_in: Sequence[str] = ()
    follow: bool = False
    idle: float | None = None
    window: int = 0
    repeat: float = 3600.0
    baseline: str = ""
    learn: str = ""
    metrics: str = ""
    forbidden: Forbidden | None = None
    bounds: Bounds | None = None
    interrupted: bool = False
    _learned: Baseline | None = None
    _watcher: Watcher | None = field(default=None, init=False)

    def run(self) -> Iterator[Event]:
        """Everything that is to be told, as it comes.

        Raises:
            UsageError: options that contradict each other;
            SourceError: a log or the baseline cannot be read, or the baseline is none.
        """
        watcher = self._watcher = self._made()
        with contextlib.suppress(KeyboardInterrupt):  # the usual end of a log that is followed
            yield from self._events(watcher)
        yield from watcher.finish()
        self._write_metrics()
        if self._learned is not None:
            _replace(self.learn, self._learned.dump())

    @property
    def watcher(self) -> Watcher:
        """What watched; its counts are whole when `run` has ended."""
        assert self._watcher is not None
        return self._watcher

    @property
    def full(self) -> bool:
        """Whether the baseline that was learned could not take everything."""
        return self._learned is not None and self._learned.full

    @property
    def alarming(self) -> bool:
        """Whether anything was told that is not policies at work."""
        from thwart.network.watching.events import ALARMS

        return bool(ALARMS & self.watcher.metrics.kinds.keys())

    @property
    def incomplete(self) -> bool:
        """Whether something is unknown, unmatched, unreadable or was not remembered."""
        from thwart.network.watching.events import DOUBTS

        counts = self.watcher.metrics
        lost = counts.incomplete or counts.late or counts.ahead or counts.crowded or self.full
        return bool(self.network.incomplete or lost or DOUBTS & counts.kinds.keys())

    def _made(self) -> Watcher:
        from thwart.network.flowlogs.judging import GrowingJudge
        from thwart.network.watching import Watcher
        from thwart.network.watching.baseline import Baseline

        if self.follow and (len(self.flows) != 1 or self.flows[0] == "-"):
            raise UsageError("--follow wants exactly one file", "standard input is read as it comes anyway")
        usual = _read_baseline(self.baseline) if self.baseline else None
        if usual is not None and self.window not in (0, usual.window):
            raise UsageError(
                f"the baseline was learned with windows of {usual.window} seconds, not {self.window}",
                "leave --window out, or learn a new baseline",
            )
        window = self.window or (usual.window if usual is not None else WINDOW)
        if self.learn:
            self._learned = _read_baseline(self.baseline) if self.baseline else Baseline(window)
        return Watcher(
            GrowingJudge(self.network.model, self.network.directory, blocks(tuple(self.pods_in))),
            baseline=usual,
            learn=self._learned,
            forbidden=self.forbidden,
            window=window,
            repeat=self.repeat,
            bounds=self.bounds,
        )

    def _events(self, watcher: Watcher) -> Iterator[Event]:
        with contextlib.ExitStack() as stack:
            logs = [stack.enter_context(self._opened(name)) for name in self.flows]
            for count, item in enumerate(_by_time(logs), 1):
                yield from watcher.feed(item)
                if count % _METRICS_EVERY == 0:
                    self._write_metrics()

    @contextlib.contextmanager
    def _opened(self, name: str) -> Iterator[Iterator[FlowRecord | Problem]]:
        if not self.follow:
            with open_flows(name, self.format, self.year) as records:
                yield records
            return
        from thwart.api.net._follow import follow
        from thwart.network.flowlogs.reading import LINE_BYTES, read_flows

        lines = follow(name, LINE_BYTES, self._write_metrics, self.idle)
        yield read_flows(lines, self.format, year=self.year)

    def _write_metrics(self) -> None:
        if self.metrics and self._watcher is not None:
            _replace(self.metrics, self._watcher.metrics.text().encode())


def _by_time(logs: list[Iterator[FlowRecord | Problem]]) -> Iterator[FlowRecord | Problem]:
    """Several logs as one, in the order of their times; each is taken to be in order by itself."""
    if len(logs) == 1:
        return logs[0]
    return (item for _, item in heapq.merge(*map(_timed, logs), key=lambda pair: pair[0]))


def _timed(log: Iterator[FlowRecord | Problem]) -> Iterator[tuple[float, FlowRecord | Problem]]:
    latest = 0.0
    for item in log:
        latest = max(latest, getattr(item, "time", None) or 0.0)
        yield latest, item


def _read_baseline(name: str) -> Baseline:
    from thwart.network.watching.baseline import MOST_BYTES, read_baseline

    try:
        with Path(name).open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise SourceError(f"{name} cannot be read: {error.strerror}") from None
    return read_baseline(data, name)


def _replace(name: str, data: bytes) -> None:
    """Write a file in one step, so that nobody reads half of it."""
    path = Path(name)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(data)
        beside.replace(path)
    except OSError as error:
        raise UsageError(f"{name} cannot be written: {error.strerror}") from None


def event_lines(output: str) -> tuple[Callable[[Event], str], Callable[[Watch], list[str]]]:
    """How events and the end of a watch are written: `json` or `text`.

    Raises:
        UsageError: there is no such format.
    """
    from thwart.network.watching import shown

    if output == "text":
        return shown.text_line, lambda watch: shown.summary_text(watch.watcher.metrics, full=watch.full)
    if output == "json":
        return shown.json_line, lambda watch: [_encoded(shown.summary(watch.watcher.metrics, full=watch.full))]
    raise UsageError(f"there is no format {output} here", "one of json, text")


def _encoded(document: dict[str, Any]) -> str:
    import msgspec

    return msgspec.json.encode(document).decode()
