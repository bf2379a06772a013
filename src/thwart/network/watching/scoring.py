"""How unusual a window is, as arithmetic that can be checked by hand.

A count is compared with what was learned: score = (observed - mean) / max(standard deviation, sqrt(mean), 1). The second
term is the deviation that independent events would have, so that a source which was always the same is not alarmed by one
more; the last keeps small counts quiet. Without anything learned a fixed limit decides.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from msgspec import Struct

from thwart.network.flowlogs.matching import OUTSIDE_LABEL
from thwart.network.watching.baseline import Baseline, Usual
from thwart.network.watching.events import FAN_OUT, PORT_SCAN, SWEEP, Event, Score
from thwart.network.watching.windows import Closed

OWN, POOLED, NOTHING = "the source's own windows", "the windows of all sources", "nothing"
_MEASURE = {PORT_SCAN: "ports", SWEEP: "sweep", FAN_OUT: "destinations"}


class Bounds(Struct, frozen=True, kw_only=True):
    """What counts as unusual: the score from which on it does, the least counts, and the counts without a baseline."""

    score: float = 6.0
    least_ports: int = 5
    least_destinations: int = 5
    ports: int = 15
    destinations: int = 30

    def least(self, kind: str) -> int:
        """The count below which nothing is unusual."""
        return self.least_ports if kind == PORT_SCAN else self.least_destinations

    def fixed(self, kind: str) -> int:
        """The count that is unusual where nothing was learned."""
        return self.ports if kind == PORT_SCAN else self.destinations


def events(window: Closed, baseline: Baseline | None, bounds: Bounds) -> Iterator[Event]:
    """What is unusual about a window. A sweep explains a fan-out of the same size, which is then not told too."""
    swept = False
    for kind in (PORT_SCAN, SWEEP, FAN_OUT):
        if kind == FAN_OUT and swept:
            continue
        score = _score(window, kind, baseline, bounds)
        if score is not None:
            swept = swept or kind == SWEEP
            yield _event(window, kind, score)


def _score(window: Closed, kind: str, baseline: Baseline | None, bounds: Bounds) -> Score | None:
    name = _MEASURE[kind]
    observed = window.values[name]
    usual, whose = _usual(window.source, name, baseline)
    if usual is None:
        limit = bounds.fixed(kind)
        if observed < limit:
            return None
        return Score(observed=observed, limit=limit, value=None, arithmetic=f"{observed} >= {limit}", learned=whose)
    root = math.sqrt(usual.mean)
    value = (observed - usual.mean) / max(usual.deviation, root, 1.0)
    if observed < bounds.least(kind) or observed <= usual.most or value < bounds.score:
        return None
    arithmetic = (
        f"({observed} - {usual.mean:.3f}) / max({usual.deviation:.3f}, sqrt({usual.mean:.3f}) = {root:.3f}, 1) "
        f"= {value:.3f} >= {bounds.score:g}"
    )
    return Score(
        observed=observed,
        limit=bounds.score,
        value=round(value, 3),
        arithmetic=arithmetic,
        learned=whose,
        windows=usual.windows,
        mean=round(usual.mean, 3),
        deviation=round(usual.deviation, 3),
        most=usual.most,
    )


def usual_name(source: str) -> str:
    """The name under which the windows of a source are learned: addresses outside share one."""
    return OUTSIDE_LABEL if source.startswith(OUTSIDE_LABEL) else source


def _usual(source: str, name: str, baseline: Baseline | None) -> tuple[Usual | None, str]:
    if baseline is None:
        return None, NOTHING
    own = baseline.usual(usual_name(source), name)
    if own is not None:
        return own, OWN
    pooled = baseline.pooled(name)
    return pooled, POOLED if pooled is not None else NOTHING


def _event(window: Closed, kind: str, score: Score) -> Event:
    protocol, port = window.spread
    count = f"{'at least ' if window.more else ''}{score.observed}"
    if kind == PORT_SCAN:
        message = f"{window.source} tried {count} ports of {window.top} in one window"
        destination, protocol, port = window.top, "", 0
    elif kind == SWEEP:
        message = f"{window.source} tried {protocol} {port} of {count} destinations in one window"
        destination = ""
    else:
        message = f"{window.source} tried {count} destinations in one window"
        destination, protocol, port = "", "", 0
    return Event(
        kind=kind,
        message=message,
        time=window.begin,
        until=window.end,
        source=window.source,
        destination=destination,
        protocol=protocol,
        port=port,
        count=window.records,
        score=score,
        examples=window.examples[_MEASURE[kind]],
        note=f"{window.dropped} of {window.records} records were drops",
    )
