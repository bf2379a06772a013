"""What a watch reports."""

from __future__ import annotations

from msgspec import Struct

from thwart.network.model import Reason

DENIED = "denied"  # dropped, as policies say
HOLE = "passed-though-denied"
OUTAGE = "dropped-though-allowed"
FORBIDDEN = "forbidden"  # policies allow it, an intent does not
NEW = "new"
PORT_SCAN = "port-scan"  # one source, many ports of one destination
SWEEP = "sweep"  # one source, one port of many destinations
FAN_OUT = "fan-out"  # one source, more destinations than it was ever seen with
UNKNOWN = "unknown"
UNMATCHED = "unmatched"
KINDS = (DENIED, HOLE, OUTAGE, FORBIDDEN, NEW, PORT_SCAN, SWEEP, FAN_OUT, UNKNOWN, UNMATCHED)
ALARMS = frozenset((HOLE, OUTAGE, FORBIDDEN, NEW, PORT_SCAN, SWEEP, FAN_OUT))
DOUBTS = frozenset((UNKNOWN, UNMATCHED))


class Score(Struct, frozen=True, kw_only=True):
    """How far a count is from what was learned, with the arithmetic in words.

    `learned` says whose windows the figures are of: the source's own, all sources', or none (then `limit` decides).
    """

    observed: int
    limit: float
    value: float | None
    arithmetic: str
    learned: str
    windows: int = 0
    mean: float = 0.0
    deviation: float = 0.0
    most: int = 0


class Event(Struct, frozen=True, kw_only=True):
    """One report. Of a kind about single flows, `count` is how many connections it stands for since it was last told.

    `time` is that of the flow, or the beginning of the window (whose end is `until`); None where the log has no times.
    """

    kind: str
    message: str
    time: float | None
    source: str
    destination: str = ""
    protocol: str = ""
    port: int = 0
    count: int = 1
    line: int = 0
    until: float | None = None
    because: tuple[Reason, ...] = ()
    score: Score | None = None
    examples: tuple[str, ...] = ()
    note: str = ""
