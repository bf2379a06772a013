"""A verdict for programs: `thwart-net-verify-v1`."""

from __future__ import annotations

import msgspec

from thwart._version import __version__
from thwart.network.flows import encode
from thwart.network.intents.formats import verdict_format
from thwart.network.intents.formats._words import STATUSES
from thwart.network.intents.outcome import BROKEN, UNKNOWN, Breach, Outcome, Spot, Verdict


@verdict_format
def json(verdict: Verdict) -> str:
    """Every intent with its outcome, and for one that does not hold a flow as `thwart net eval` takes it."""
    document = {
        "schema": "thwart-net-verify-v1",
        "tool": {"name": "thwart", "version": __version__},
        "summary": {"intents": len(verdict.outcomes), **{status: verdict.count(status) for status in STATUSES}},
        "intents": [encode_outcome(outcome) for outcome in verdict.outcomes],
        "unread": [{"slug": d.slug, "message": d.message, "path": d.path} for d in verdict.unread],
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=1).decode() + "\n"


def encode_outcome(outcome: Outcome) -> dict[str, object]:
    """One outcome."""
    intent = outcome.intent
    found: dict[str, object] = {
        "name": intent.name,
        "why": intent.why,
        "form": intent.kind,
        "file": intent.path,
        "line": intent.line,
        "status": outcome.status,
        "notes": outcome.notes,
    }
    if outcome.status in (BROKEN, UNKNOWN):
        found["affected"] = {"count": outcome.count, "unit": outcome.unit}
        found["flow"] = None if outcome.breach is None else _flow(outcome.breach)
    return found


def _flow(breach: Breach) -> dict[str, object]:
    return {
        "src": encode_spot(breach.source),
        "dst": encode_spot(breach.destination),
        "protocol": breach.protocol,
        "port": breach.port,
        "must_be_allowed": breach.must,
        **encode(breach.answer),
    }


def encode_spot(spot: Spot) -> dict[str, str]:
    """One end of a flow: a pod with its namespace, an address, or a node."""
    if spot.namespace:
        return {"namespace": spot.namespace, "pod": spot.text.partition("/")[2], "workload": spot.workload}
    return {"ip": spot.ip} if spot.ip else {"node": spot.node}
