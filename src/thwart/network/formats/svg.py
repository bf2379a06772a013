"""A map as one picture: the matrix of namespaces, and below it the map of workloads. It loads nothing and runs nothing."""

from __future__ import annotations

import html
from functools import cache
from typing import TYPE_CHECKING

from thwart.network.formats import map_format
from thwart.network.picture.board import board
from thwart.network.picture.legend import board_legend, in_lines, matrix_legend
from thwart.network.picture.matrix import matrix
from thwart.network.picture.names import clean
from thwart.network.picture.shapes import Box, Drawing, Path, Shape, Words, number
from thwart.network.picture.summary import headline, notes, subtitle
from thwart.network.picture.survey import Survey
from thwart.network.picture.wiring import wire

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jinja2 import Environment

    from thwart.network.mapping import Map

_MARGIN = 36.0
_LINE = 19.0


@map_format
def svg(found: Map) -> str:
    """The picture, at most about a megabyte, whatever the size of the map."""
    survey = Survey(found)
    wiring = wire(survey)
    above, below = matrix(survey, {}), board(survey, wiring, {})
    drawings = [
        (_heading("Who reaches whom, by namespace", subtitle(survey)), in_lines(matrix_legend(survey)), above),
        (_heading("The map", " ".join(wiring.notes)), in_lines(board_legend()), below),
    ]
    width = max(760.0, *(drawing.width for _, legend, body in drawings for drawing in (legend, body))) + 2 * _MARGIN
    y = 52.0
    parts = [_text(_MARGIN, y, "Thwart network map", "title")]
    for line in _wrapped([headline(survey)], int(width / 9)):
        y += 24
        parts.append(_text(_MARGIN, y, line, "lead"))
    y += 20
    for heading, legend, body in drawings:
        y += 34
        for at, (text, look) in enumerate(heading):
            parts.append(_text(_MARGIN, y + at * _LINE, text, look))
        y += len(heading) * _LINE
        for drawing in (legend, body):
            parts.append(f'<g transform="translate({number(_MARGIN)} {number(y)})">{markup(drawing.shapes)}</g>')
            y += drawing.height + 14
    for line in _wrapped(notes(survey), int(width / 7.6)):
        y += _LINE
        parts.append(_text(_MARGIN, y, line, "note"))
    template = environment().get_template("map.svg.j2")
    described = f"{above.title}. {above.description} {below.title}. {below.description}"
    return template.render(width=number(width), height=number(y + _MARGIN), described=described, body="\n".join(parts))


def _heading(title: str, more: str) -> list[tuple[str, str]]:
    return [(title, "heading"), *((line, "note") for line in _wrapped([more] if more else [], 110))]


def _wrapped(sentences: Iterable[str], most: int) -> list[str]:
    import textwrap

    return [line for one in sentences for line in textwrap.wrap(clean(one), most)]


def _text(x: float, y: float, text: str, look: str) -> str:
    return f'<text class="{look}" x="{number(x)}" y="{number(y)}">{escaped(text)}</text>'


def drawn(drawing: Drawing, key: str) -> str:
    """A drawing as an SVG element in a page; `key` begins its ids. Without a title it is an ornament."""
    size = (
        f'width="{number(drawing.width)}" height="{number(drawing.height)}"'
        f' viewBox="0 0 {number(drawing.width)} {number(drawing.height)}"'
    )
    if not drawing.title:
        return f'<svg class="picture" aria-hidden="true" {size}>{markup(drawing.shapes)}</svg>'
    return (
        f'<svg class="picture" role="group" aria-labelledby="{key}-t {key}-d" {size}>'
        f'<title id="{key}-t">{escaped(drawing.title)}</title><desc id="{key}-d">{escaped(drawing.description)}</desc>'
        f"{markup(drawing.shapes)}</svg>"
    )


def markup(shapes: Iterable[Shape]) -> str:
    """Shapes as SVG."""
    return "".join(map(_shape, shapes))


def _shape(one: Shape) -> str:
    if isinstance(one, Box):
        round_ = f' rx="{number(one.radius)}"' if one.radius else ""
        size = f'width="{number(one.width)}" height="{number(one.height)}"'
        return f'<rect class="{one.look}" x="{number(one.x)}" y="{number(one.y)}" {size}{round_}/>'
    if isinstance(one, Path):
        return f'<path class="{one.look}" d="{one.d}"/>'
    if isinstance(one, Words):
        x, y = number(one.x), number(one.y)
        anchor = f' text-anchor="{one.anchor}"' if one.anchor != "start" else ""
        turn = f' transform="rotate({one.turn} {x} {y})"' if one.turn else ""
        return f'<text class="{one.look}" x="{x}" y="{y}"{anchor}{turn}>{escaped(one.text)}</text>'
    title = f"<title>{escaped(one.title)}</title>" if one.title else ""
    inside = title + markup(one.shapes)
    if not one.link:
        moved = f' transform="translate({number(one.x)} {number(one.y)})"' if one.x or one.y else ""
        return f"<g{moved}>{inside}</g>"
    return f'<a href="#{escaped(one.link)}">{inside}</a>'


def escaped(text: str) -> str:
    """Text for markup, in which nothing is hidden or reordered."""
    return html.escape(clean(text))


@cache
def environment() -> Environment:
    """The templates of pictures."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("thwart.network", "templates"),
        autoescape=True,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )


def _shown(value: object) -> object:
    return clean(value) if type(value) is str else value
