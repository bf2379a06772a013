"""A map for a pull request: the matrix and a table of connections."""

from __future__ import annotations

from collections.abc import Sequence

from thwart.network.formats import map_format
from thwart.network.mapping import Map


@map_format
def markdown(found: Map) -> str:
    """The map as GitHub-flavoured Markdown."""
    lines = []
    if found.matrix is not None:
        lines += ["### Who reaches whom", "", *_table(["from \\ to", *found.areas], _matrix(found)), ""]
    rows = []
    for one in found.connections:
        here = ", ".join(found.groups[number].label for number in one.sources)
        there = ", ".join(found.groups[number].label for number in one.destinations)
        rows.append([here, there, found.ports(one), "unknown" if one.unknown else "allowed"])
    lines += ["### Connections", "", *_table(["from", "to", "ports", ""], rows)]
    return "\n".join(lines) + "\n"


def _matrix(found: Map) -> list[list[str]]:
    matrix = found.matrix or {}
    return [[area, *(matrix.get((area, other), "") for other in found.areas)] for area in found.areas]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [_row(head), _row(["---"] * len(head)), *map(_row, rows)]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_plain(cell) for cell in cells) + " |"


def _plain(text: str) -> str:
    for mark in "\\|`*_<>[]":
        text = text.replace(mark, "\\" + mark)
    return text.replace("\n", " ") if text != "\\-\\-\\-" else text
