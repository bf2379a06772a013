"""A simulation for a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from thwart.network.flowlogs.saying import sentence
from thwart.network.replay import KEPT, OUTCOMES, Replayed, Simulation
from thwart.network.replay.formats import simulation_format
from thwart.network.replay.formats._phrases import TITLES, moment, often

_MOST = 200


@simulation_format
def markdown(found: Simulation) -> str:
    """The simulation as GitHub-flavoured Markdown; what is kept is only counted."""
    flows = ", ".join(f"{found.flows[outcome]} {TITLES[outcome]}" for outcome in OUTCOMES if found.flows[outcome])
    lines = [f"### Replay of {found.records} recorded flows: {flows or 'nothing to judge'}", ""]
    for outcome in OUTCOMES:
        members = [one for one in found.replayed if one.outcome == outcome]
        if members and outcome != KEPT:
            lines += [f"#### {TITLES[outcome].capitalize()}", "", *_table(members), ""]
    lines += [f"- {one.count} lines `{one.slug}`: {_plain(one.message)}" for one in found.troubles]
    return "\n".join(lines).rstrip() + "\n"


def _table(members: Sequence[Replayed]) -> Iterator[str]:
    yield _row(("from", "to", "port", "how often", "first", "last", "because"))
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for one in members[:_MOST]:
        because = one.why or "; ".join(sentence(reason) for reason in one.because)
        port = f"{one.protocol} {one.port}"
        yield _row((one.source, one.destination, port, often(one), moment(one.first), moment(one.last), because))
    if len(members) > _MOST:
        yield _row((f"and {len(members) - _MOST} more", "", "", "", "", "", ""))


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_plain(cell) for cell in cells) + " |"


def _plain(text: str) -> str:
    for mark in "\\|`*_<>[]":
        text = text.replace(mark, "\\" + mark)
    return " ".join(text.split())
