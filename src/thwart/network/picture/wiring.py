"""What the map draws, in as much detail as can be read."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from thwart.network.classes import POD
from thwart.network.picture.bundles import Bundle, arrivals, by_area, over_areas
from thwart.network.picture.names import several
from thwart.network.picture.rows import LABEL, MOST_ROWS, Row, area_row, chief_rows, workload_rows
from thwart.network.picture.survey import Area, Survey

MOST_BUNDLES = 64
_FEW = 8  # areas, with room for some workloads of each


class Wiring(Struct, frozen=True, kw_only=True):
    """The rows by area, the bundles by the area they lead to, and what had to be left out.

    `coarse` says that rows are areas, those together that are connected alike: a bundle then holds for some of the
    workloads in them. `chief` says that not every workload has a row of its own.
    """

    areas: tuple[Area, ...]
    rows: tuple[Row, ...]
    bundles: tuple[Bundle, ...]
    coarse: bool = False
    chief: bool = False
    any_ports: bool = False
    left_out: int = 0

    @property
    def notes(self) -> list[str]:
        """What a box is, and what was simplified, in sentences."""
        alike = "Workloads that reach the same and are reached by the same share a box."
        coarse = (
            "There are too many workloads to draw: a box holds whole namespaces that are connected alike,"
            " and a line says that some of their workloads may."
        )
        chief = (
            "There are too many workloads to draw: those that the outside reaches, then those with the most pods, have"
            " boxes; the others of a namespace share one, and a line says that some of them may."
        )
        found = [coarse if self.coarse else chief if self.chief else alike]
        if self.any_ports:
            found.append("Ports differ within a line; the list of connections has them.")
        if self.left_out:
            found.append(f"{self.left_out:,} lines more are not drawn: those here join the most.")
        return found


def wire(survey: Survey) -> Wiring:
    """As much as can be read: all workloads; else the chief ones of few namespaces; else namespaces."""
    rows = workload_rows(survey)
    if len(rows) <= MOST_ROWS:
        found = by_area(arrivals(survey, rows, any_ports=False), rows)
        if len(found) <= MOST_BUNDLES:
            return Wiring(areas=tuple(survey.areas), rows=tuple(rows), bundles=tuple(found))
    few = len(survey.areas) <= _FEW
    rows = chief_rows(survey) if few else [area_row(number, area) for number, area in enumerate(survey.areas)]
    for any_ports in (False, True):
        incoming = arrivals(survey, rows, any_ports)
        found = by_area(incoming, rows) if few else over_areas(incoming, rows)
        if len(found) <= MOST_BUNDLES:
            break
    ranked = sorted(found, key=lambda one: -len(one.sources) * len(one.destinations))
    kept = frozenset(ranked[:MOST_BUNDLES])
    shown, bundles = rows, [one for one in found if one in kept]
    if not few:
        shown, bundles = _folded(survey, rows, bundles)
    return Wiring(
        areas=tuple(survey.areas),
        rows=tuple(shown),
        bundles=tuple(bundles),
        coarse=not few,
        chief=few,
        any_ports=any_ports,
        left_out=len(found) - len(kept),
    )


def _folded(survey: Survey, rows: Sequence[Row], bundles: Sequence[Bundle]) -> tuple[list[Row], list[Bundle]]:
    """Namespaces that begin and end the same bundles share a row."""
    alike: dict[tuple[object, ...], list[int]] = {}
    for number, row in enumerate(rows):
        ends = tuple((number in one.sources, number in one.destinations) for one in bundles)
        single = survey.areas[row.area].what != POD
        alike.setdefault((ends, number if single else -1), []).append(number)
    place = {number: at for at, numbers in enumerate(alike.values()) for number in numbers}
    shown = [_together([rows[number] for number in numbers]) for numbers in alike.values()]
    folded = [
        one._replace(
            sources=tuple(sorted({place[at] for at in one.sources})),
            destinations=tuple(sorted({place[at] for at in one.destinations})),
        )
        for one in bundles
    ]
    return shown, folded


def _together(rows: Sequence[Row]) -> Row:
    if len(rows) == 1:
        return rows[0]
    bits = pods = 0
    for row in rows:
        bits |= row.bits
        pods += row.pods
    names = [row.title for row in rows]
    title = f"{len(rows)} namespaces: {several(names, 200)}"
    return replace(rows[0], label=several(names, LABEL - 7), title=title, bits=bits, pods=pods)
