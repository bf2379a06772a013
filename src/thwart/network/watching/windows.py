"""What each source did in a window of the log's own time: whom it tried to reach, on which ports.

Windows are cut at multiples of their length since 1970, so that the same log gives the same windows. One that is followed
by a whole other one is closed: a record that comes later still is late, and is counted, not judged.
"""

from __future__ import annotations

from typing import NamedTuple

from thwart.network.watching.baseline import MEASURES

MOST_SOURCES = 50_000  # in one window
MOST_PAIRS = 20_000  # of destination and port, for one source
_JUMP = 86400.0  # seconds ahead of everything before: a clock gone wrong, until others agree
_AGREED = 3
_OPEN = 2  # windows that are kept open
_MOST_EXAMPLES = 5
NO_TIME = -1  # the one window of a log without times


class Closed(NamedTuple):
    """What one source did in a window that is over. `begin` is None for a log without times.

    `values` has the measures of a baseline; `top` the destination with most ports, `spread` the port with most
    destinations. `more` says that there was more than could be remembered.
    """

    begin: float | None
    end: float | None
    source: str
    values: dict[str, int]
    dropped: int
    records: int
    top: str
    spread: tuple[str, int]
    examples: dict[str, tuple[str, ...]]
    more: bool


class _Doings:
    """What a source did so far."""

    __slots__ = ("by_destination", "by_port", "dropped", "more", "pairs", "records")

    def __init__(self) -> None:
        self.by_destination: dict[str, set[tuple[str, int]]] = {}
        self.by_port: dict[tuple[str, int], set[str]] = {}
        self.pairs = self.records = self.dropped = 0
        self.more = False

    def add(self, destination: str, port: tuple[str, int], *, dropped: bool) -> None:
        self.records += 1
        self.dropped += dropped
        ports = self.by_destination.setdefault(destination, set())
        if port in ports:
            return
        if self.pairs >= MOST_PAIRS:
            self.more = True
            if not ports:
                del self.by_destination[destination]
            return
        self.pairs += 1
        ports.add(port)
        self.by_port.setdefault(port, set()).add(destination)

    def close(self, begin: float | None, end: float | None, source: str) -> Closed:
        top = max(self.by_destination, key=lambda name: (len(self.by_destination[name]), name))
        spread = max(self.by_port, key=lambda port: (len(self.by_port[port]), port))
        counts = len(self.by_destination), len(self.by_destination[top]), len(self.by_port[spread])
        ports = [f"{protocol} {port}" for protocol, port in sorted(self.by_destination[top])]
        examples = {
            "destinations": tuple(sorted(self.by_destination)[:_MOST_EXAMPLES]),
            "ports": tuple(ports[:_MOST_EXAMPLES]),
            "sweep": tuple(sorted(self.by_port[spread])[:_MOST_EXAMPLES]),
        }
        values = dict(zip(MEASURES, counts, strict=True))
        return Closed(begin, end, source, values, self.dropped, self.records, top, spread, examples, self.more)


class Windows:
    """Windows of `length` seconds. `late`, `ahead` and `crowded` count records that found no place."""

    def __init__(self, length: int) -> None:
        self._length = length
        self._open: dict[int, dict[str, _Doings]] = {}
        self._newest: int | None = None
        self._agreeing = 0
        self.late = self.ahead = self.crowded = 0

    def add(
        self, time: float | None, source: str, destination: str, port: tuple[str, int], *, dropped: bool
    ) -> list[Closed]:
        """Put an attempt where it belongs; what was closed by it."""
        number = NO_TIME if time is None else int(time // self._length)
        closed: list[Closed] = []
        if number != NO_TIME:
            if not self._believed(number):
                self.ahead += 1
                return []
            newest = self._newest = number if self._newest is None else max(self._newest, number)
            if number <= newest - _OPEN:
                self.late += 1
                return []
            closed = self._close(newest - _OPEN)
        sources = self._open.setdefault(number, {})
        doings = sources.get(source)
        if doings is None:
            if len(sources) >= MOST_SOURCES:
                self.crowded += 1
                return closed
            doings = sources[source] = _Doings()
        doings.add(destination, port, dropped=dropped)
        return closed

    def _believed(self, number: int) -> bool:
        """A time far ahead of all others is believed when the next ones agree."""
        if self._newest is None or (number - self._newest) * self._length <= _JUMP:
            self._agreeing = 0
            return True
        self._agreeing += 1
        return self._agreeing >= _AGREED

    def _close(self, last: int) -> list[Closed]:
        found = []
        for number in sorted(one for one in self._open if NO_TIME < one <= last):
            found += self._finished(number)
        return found

    def finish(self) -> list[Closed]:
        """Everything that is still open."""
        return [one for number in sorted(self._open) for one in self._finished(number)]

    def _finished(self, number: int) -> list[Closed]:
        begin = None if number == NO_TIME else float(number * self._length)
        end = None if begin is None else begin + self._length
        sources = self._open.pop(number)
        return [doings.close(begin, end, source) for source, doings in sorted(sources.items())]
