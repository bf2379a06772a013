"""A map as one self-contained page: the matrix, the map, and everything behind them as tables.

The page loads nothing and runs nothing: its policy forbids scripts, images, fonts and connections.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from thwart._version import __version__
from thwart.network.formats import map_format
from thwart.network.formats.svg import drawn, environment
from thwart.network.mapping import NONE
from thwart.network.picture.board import board
from thwart.network.picture.legend import Mark, alone, board_legend, matrix_legend
from thwart.network.picture.listing import Pair, list_pairs
from thwart.network.picture.matrix import matrix, meaning
from thwart.network.picture.names import anchors, counted, short
from thwart.network.picture.summary import counts, diagnostics, headline, subtitle
from thwart.network.picture.survey import Survey
from thwart.network.picture.wiring import wire

if TYPE_CHECKING:
    from thwart.network.mapping import Map

_MOST_NOTES = 100
_NAME = 64  # columns of a name of a namespace
_LONGEST = 400  # of a message or a path


@map_format
def html(found: Map) -> str:
    """The page, at most a few megabytes, whatever the size of the map."""
    survey = Survey(found)
    wiring = wire(survey)
    pairs = list_pairs(survey)
    shown = [one for one in pairs if one.listed]
    unlisted = sum(reach.word != NONE for reach in survey.reach.values()) - len(shown)
    keys = anchors([("to", area.name) for area in survey.areas] + [(one.here.name, one.there.name) for one in shown])
    links = {(one.here.name, one.there.name): keys[one.here.name, one.there.name] for one in shown}
    heads = {area.name: keys["to", area.name] for area in survey.areas}
    drawings = {
        "matrix": drawn(matrix(survey, links), "matrix"),
        "map": drawn(board(survey, wiring, heads), "map"),
    }
    template = environment().get_template("map.html.j2")
    return template.render(
        version=__version__,
        headline=headline(survey),
        counts=counts(found),
        notes=diagnostics(found)[:_MOST_NOTES],
        more_notes=max(0, len(diagnostics(found)) - _MOST_NOTES),
        subtitle=subtitle(survey),
        simplified=wiring.notes,
        drawings=drawings,
        legends={"matrix": _legend(matrix_legend(survey)), "map": _legend(board_legend())},
        sections=[(area, heads[area.name], _into(shown, area.name)) for area in survey.areas],
        links=links,
        cut=unlisted or survey.left_out or any(one.left_out for one in shown),
        unlisted=unlisted,
        meaning=meaning,
        name=_name,
        long=lambda text: short(text, _LONGEST),
        counted=counted,
    )


def _legend(marks: list[Mark]) -> list[tuple[str, str]]:
    return [(drawn(alone(mark), ""), mark.words) for mark in marks]


def _into(pairs: list[Pair], name: str) -> list[Pair]:
    return [one for one in pairs if one.there.name == name]


def _name(text: str) -> str:
    return short({"(outside)": "the outside", "(nodes)": "nodes"}.get(text, text), _NAME)
