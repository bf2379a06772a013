"""The lines of the map: sets of rows that reach sets of rows on the same ports."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from thwart.lib.bitsets import members
from thwart.network.picture.rows import Row
from thwart.network.picture.survey import Survey

SEVERAL, WITHIN = 1 << 30, (1 << 30) + 1  # in the place of the area that a bundle leads to


class Bundle(NamedTuple):
    """Rows that reach rows on these ports. `area` is that of all destinations, or SEVERAL.

    With WITHIN each row reaches only itself. With `ports` 0 the ports differ from pair to pair.
    """

    area: int
    sources: tuple[int, ...]
    destinations: tuple[int, ...]
    ports: int
    unknown: bool


class Arrival(NamedTuple):
    """What reaches one row on some ports."""

    row: int
    ports: int
    unknown: bool
    sources: tuple[int, ...]


def arrivals(survey: Survey, rows: Sequence[Row], any_ports: bool) -> list[Arrival]:
    """What reaches each row, by ports; with `any_ports` whatever the ports are."""
    found: list[Arrival] = []
    for number, row in enumerate(rows):
        here = [Arrival(number, ports, unknown, sources) for ports, unknown, sources in _into(survey, row, rows)]
        found += _without_ports(here) if any_ports else here
    return found


def by_area(found: Sequence[Arrival], rows: Sequence[Row]) -> list[Bundle]:
    """Destinations of an area with equal sources and ports share a bundle."""
    return _joined(found, lambda one: rows[one.row].area)


def over_areas(found: Sequence[Arrival], rows: Sequence[Row]) -> list[Bundle]:
    """Destinations with equal sources and ports share a bundle, wherever they are.

    Nearly every namespace reaches itself: where that alone sets it apart, it is told on its own.
    """
    shared: dict[tuple[int, bool, tuple[int, ...]], int] = {}
    for one in found:
        shared[one[1:]] = shared.get(one[1:], 0) + 1
    plain: list[Arrival] = []
    within: list[Arrival] = []
    for one in found:
        if one.row in one.sources and shared[one[1:]] == 1:
            within.append(one._replace(sources=()))
            others = tuple(source for source in one.sources if source != one.row)
            plain += [one._replace(sources=others)] if others else []
        else:
            plain.append(one)
    inside = [one._replace(sources=one.destinations) for one in _joined(within, lambda _: WITHIN)]
    made = _joined(plain, lambda _: SEVERAL)
    named = [one._replace(area=rows[one.destinations[0]].area) if len(one.destinations) == 1 else one for one in made]
    return _sorted([*named, *inside])


def _joined(found: Sequence[Arrival], area_of: Callable[[Arrival], int]) -> list[Bundle]:
    joined: dict[tuple[int, int, bool, tuple[int, ...]], list[int]] = {}
    for one in found:
        joined.setdefault((area_of(one), *one[1:]), []).append(one.row)
    return _sorted(
        Bundle(area, sources, tuple(destinations), ports, unknown)
        for (area, ports, unknown, sources), destinations in joined.items()
    )


def _sorted(bundles: Iterable[Bundle]) -> list[Bundle]:
    return sorted(bundles, key=lambda one: (one.area, one.unknown, one.sources, one.ports, one.destinations))


def _into(survey: Survey, row: Row, rows: Sequence[Row]) -> Iterator[tuple[int, bool, tuple[int, ...]]]:
    """The ports on which sources reach a row; equal ports together."""
    allowed: dict[int, int] = {}
    unknown: dict[int, int] = {}
    for number in members(row.bits):
        for bits, ports, doubt in survey.cells.get(number, ()):
            seen = unknown if doubt else allowed
            seen[bits] = seen.get(bits, 0) | ports
    ports_of: dict[tuple[int, bool], list[int]] = {}
    for number, source in enumerate(rows):
        sure = doubtful = 0
        for bits, ports in allowed.items():
            sure |= ports if bits & source.bits else 0
        for bits, ports in unknown.items():
            doubtful |= ports if bits & source.bits else 0
        for ports, doubt in ((sure, False), (doubtful & ~sure, True)):
            if ports:
                ports_of.setdefault((ports, doubt), []).append(number)
    for (ports, doubt), sources in ports_of.items():
        yield ports, doubt, tuple(sources)


def _without_ports(found: Sequence[Arrival]) -> list[Arrival]:
    """What reaches one row, certainly or perhaps; ports that all share are kept."""
    made = []
    for unknown in (False, True):
        alike = [one for one in found if one.unknown is unknown]
        ports = {one.ports for one in alike}
        sources = tuple(sorted({source for one in alike for source in one.sources}))
        if alike:
            made.append(Arrival(alike[0].row, ports.pop() if len(ports) == 1 else 0, unknown, sources))
    return made
