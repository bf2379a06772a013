"""A simulation for people: what would be cut first, each with what decided."""

from __future__ import annotations

from collections.abc import Iterator

from thwart.network.flowlogs.saying import sentence
from thwart.network.replay import CUT, KEPT, OPENED, OUTCOMES, STILL, UNKNOWN, UNMATCHED, Replayed, Simulation
from thwart.network.replay.formats import simulation_format
from thwart.network.replay.formats._phrases import TITLES, addresses, ends, moment, often, period

_MOST = {CUT: 1000, UNKNOWN: 100, UNMATCHED: 50, OPENED: 100, STILL: 50, KEPT: 0}


@simulation_format
def text(found: Simulation) -> str:
    """The simulation as text; what is kept is only counted."""
    lines = []
    for outcome in OUTCOMES:
        members = [one for one in found.replayed if one.outcome == outcome]
        if members and _MOST[outcome]:
            lines += [f"{TITLES[outcome]}:", *_members(members, _MOST[outcome]), ""]
    lines += [_summary(found), *_troubles(found)]
    return "\n".join(lines) + "\n"


def _members(members: list[Replayed], most: int) -> Iterator[str]:
    for one in members[:most]:
        already = f", {one.dropped} dropped already" if one.dropped and one.outcome in (CUT, UNKNOWN) else ""
        yield f"  {ends(one)}: {often(one)}{already}, {period(one)}"
        if one.addresses:
            yield f"    addresses: {addresses(one)}"
        if one.why:
            yield f"    {one.why}"
        for reason in one.because:
            yield f"    {sentence(reason)}"
    if len(members) > most:
        yield f"  … and {len(members) - most} more (-o json has all)"


def _summary(found: Simulation) -> str:
    parts = [f"{found.flows[outcome]} {TITLES[outcome]}" for outcome in OUTCOMES if found.flows[outcome]]
    flows = sum(found.flows.values())
    when = f", {moment(found.first)} to {moment(found.last)}" if found.first is not None else ""
    counted = f"{flows} different flow{'' if flows == 1 else 's'} in {found.records} record{'' if found.records == 1 else 's'}"
    return f"{counted}{when}: {', '.join(parts) or 'nothing to judge'}"


def _troubles(found: Simulation) -> Iterator[str]:
    for one in found.troubles:
        lines = f"{one.count} line{'' if one.count == 1 else 's'}"
        yield f"{lines} [{one.slug}], first {one.file}:{one.line}: {one.message}"
    if found.made:
        shown = ", ".join(found.made[:5]) + (f" and {len(found.made) - 5} more" if len(found.made) > 5 else "")
        yield f"known only from the log's labels: {shown}"
