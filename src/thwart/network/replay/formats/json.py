"""A simulation for programs."""

from __future__ import annotations

from typing import Any

import msgspec

from thwart.network.flowlogs.saying import fields
from thwart.network.replay import Replayed, Simulation
from thwart.network.replay.formats import simulation_format


@simulation_format
def json(found: Simulation) -> str:
    """The simulation as one JSON document; times are seconds since 1970."""
    document = {
        "schema": "thwart-net-simulate-v1",
        "files": list(found.files),
        "records": found.records,
        "first": found.first,
        "last": found.last,
        "compared": "policies" if found.compared else "recorder",
        "flows": found.flows,
        "connections": found.times,
        "replayed": [_replayed(one) for one in found.replayed],
        "problems": [msgspec.structs.asdict(one) for one in found.troubles],
        "made_of_labels": list(found.made),
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def _replayed(one: Replayed) -> dict[str, Any]:
    found: dict[str, Any] = {
        "outcome": one.outcome,
        "source": one.source,
        "destination": one.destination,
        "protocol": one.protocol,
        "port": one.port,
        "connections": one.times,
        "records": one.records,
        "dropped": one.dropped,
        "first": one.first,
        "last": one.last,
        "log_line": one.line,
        "because": [fields(reason) for reason in one.because],
    }
    if one.why:
        found["why"] = one.why
    if one.distinct:
        found["addresses"] = {"some": list(one.addresses), "distinct": one.distinct}
    return found
