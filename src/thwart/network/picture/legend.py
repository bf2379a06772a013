"""What the marks of the pictures mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from thwart.network.mapping import ALL, NONE, SOME, UNKNOWN
from thwart.network.picture.matrix import NUMBERED, cell_size, hatched
from thwart.network.picture.shapes import Box, Drawing, Part, Path, Shape, Words, disc
from thwart.network.picture.survey import Survey

_SIDE = 18.0
_WIDE = 900.0


class Mark(NamedTuple):
    """Shapes of a width, and what they mean."""

    width: float
    shapes: Sequence[Shape]
    words: str


def matrix_legend(survey: Survey) -> list[Mark]:
    """The marks of the matrix."""
    small = cell_size(len(survey.areas)) - 2 < NUMBERED
    some = [Box(0, 0, _SIDE, _SIDE, "cell some in", 2), Box(5, 5, 8, 8, "inner in", 1)] if small else _cell(SOME, "in")
    with_outside = [*_cell(ALL, "out"), Part(tuple(_cell(SOME, "out")), x=_SIDE + 3)]
    return [
        Mark(_SIDE, _cell(ALL, "in"), "all: every pod, every port"),
        Mark(_SIDE, some, "some: the share of pairs" if small else "some: pairs of workloads"),
        Mark(_SIDE, _cell(NONE, "in"), "nothing"),
        Mark(_SIDE, _cell(UNKNOWN, "in"), "unknown"),
        Mark(2 * _SIDE + 3, with_outside, "with the outside"),
        Mark(10, [Box(3, 2, 4, 14, "wall", 1)], "default deny"),
        Mark(12, [disc(6, 9, 5, "ring")], "no default deny"),
    ]


def board_legend() -> list[Mark]:
    """The marks of the map."""
    return [
        Mark(36, _lane("in"), "from a dot to an arrowhead, between namespaces"),
        Mark(36, _lane("inner"), "within one"),
        Mark(36, _lane("out"), "from or to the outside"),
        Mark(36, _lane("in doubt"), "unknown"),
    ]


def alone(mark: Mark) -> Drawing:
    """One mark without its words."""
    return Drawing(width=mark.width, height=_SIDE, title="", description="", shapes=tuple(mark.shapes))


def _cell(word: str, tone: str) -> list[Shape]:
    if word == ALL:
        return [Box(0, 0, _SIDE, _SIDE, f"cell all {tone}", 2)]
    if word == NONE:
        return [Box(0, 0, _SIDE, _SIDE, "cell", 2), disc(_SIDE / 2, _SIDE / 2, 1.5, "dot")]
    figure = Words(_SIDE / 2, 13.5, "3" if word == SOME else "?", "figure", "middle")
    if word == SOME:
        return [Box(0, 0, _SIDE, _SIDE, f"cell some {tone}", 2), figure]
    return [Box(0, 0, _SIDE, _SIDE, "cell", 2), hatched(0, 0, _SIDE), figure]


def _lane(look: str) -> list[Shape]:
    return [Path("M8 9H30", f"lane {look}"), Path("M0 9l9 -5.5v11z", f"to {look}"), disc(30, 9, 4, f"from {look}")]


def in_lines(marks: Sequence[Mark]) -> Drawing:
    """Marks with their words, in lines that fit a page."""
    shapes: list[Shape] = []
    x = y = widest = 0.0
    for wide, inside, words in marks:
        length = wide + 8 + len(words) * 6.7 + 22
        if x + length > _WIDE:
            x, y = 0.0, y + 27
        shapes.append(Part((*inside, Words(wide + 8, 13.5, words, "key")), x=x, y=y))
        x += length
        widest = max(widest, x)
    return Drawing(width=round(widest), height=y + 24, title="Legend", description="", shapes=tuple(shapes))
