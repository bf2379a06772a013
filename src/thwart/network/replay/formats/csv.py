"""A simulation as a table: one line for each pair of workloads, port and outcome."""

from __future__ import annotations

import csv as library
import io

from thwart.network.flowlogs.saying import sentence
from thwart.network.replay import Simulation
from thwart.network.replay.formats import simulation_format
from thwart.network.replay.formats._phrases import moment

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_HEADER = (
    "outcome", "source", "destination", "protocol", "port", "connections", "records", "dropped", "first", "last", "because",
)  # fmt: skip


@simulation_format
def csv(found: Simulation) -> str:
    """The simulation as RFC 4180."""
    buffer = io.StringIO()
    rows = library.writer(buffer)
    rows.writerow(_HEADER)
    for one in found.replayed:
        because = one.why or "; ".join(sentence(reason) for reason in one.because)
        numbers = (one.port, one.times, one.records, one.dropped)
        ends = (one.outcome, _plain(one.source), _plain(one.destination), one.protocol)
        rows.writerow([*ends, *numbers, moment(one.first), moment(one.last), _plain(because)])
    return buffer.getvalue()


def _plain(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
