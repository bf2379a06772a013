"""A map for people: who reaches whom by namespace, then each destination with its sources."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from thwart.lib.bitsets import members
from thwart.network.classes import POD
from thwart.network.formats import map_format
from thwart.network.mapping import Connection, Map

_WIDEST = 24  # columns of a matrix
_LINES = 400
_SHOWN = 6  # sources of a line


@map_format
def text(found: Map) -> str:
    """The map as text."""
    world = found.model.world
    classes = sum(group.what == POD for group in found.groups)
    read = f"{len(world.endpoints)} pods and workloads in {len(world.namespaces)} namespaces, {len(world.policies)} policies"
    lines = [
        f"{read}; policies tell {classes} classes of pods apart",
        "",
        *_matrix(found),
        *_connections(found),
    ]
    return "\n".join(lines) + "\n"


def _matrix(found: Map) -> Iterator[str]:
    areas = found.areas
    if found.matrix is None or len(areas) > _WIDEST:
        yield f"The matrix of {len(areas)} namespaces is too large to show: write it with -o json or -o csv."
        yield ""
        return
    yield "From (rows) to (columns): all = every pod on every port, some, - = nothing, ? = unknown"
    yield ""
    wide = max(len(area) for area in areas)
    widths = [max(len(area), 5) for area in areas]
    yield " " * wide + "  " + "  ".join(a.ljust(w) for a, w in zip(areas, widths, strict=True)).rstrip()
    for area in areas:
        words = [found.matrix.get((area, other), "") for other in areas]
        row = "  ".join(word.ljust(width) for word, width in zip(words, widths, strict=True))
        yield f"{area.ljust(wide)}  {row}".rstrip()
    yield ""


def _connections(found: Map) -> Iterator[str]:
    at: dict[int, list[Connection]] = {}
    for connection in found.connections:
        for destination in connection.destinations:
            at.setdefault(destination, []).append(connection)
    left = _LINES
    for group in found.groups:
        if left <= 0:
            yield "… and more: -o json writes everything"
            return
        reached = at.get(group.number, [])
        lines = list(_sources(found, reached)) or (["  nothing reaches it"] if group.what == POD else [])
        if lines:
            left -= len(lines) + 1
            yield group.label
            yield from lines


def _sources(found: Map, reached: list[Connection]) -> Iterator[str]:
    for connection in reached:
        labels = [found.groups[number].label for number in islice(members(connection.source_bits), _SHOWN)]
        more = connection.source_bits.bit_count() - len(labels)
        shown = "; ".join(labels) + (f"; and {more} more" if more else "")
        yield f"  {'?' if connection.unknown else '<'}- {shown}: {found.ports(connection)}"
