"""What flows between two areas, as a table. Bounded: a page is no dump."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct

from thwart.lib.bitsets import members
from thwart.network.classes import OUTSIDE, POD
from thwart.network.mapping import ALL, NONE
from thwart.network.picture.names import short
from thwart.network.picture.survey import REST, Area, Reach, Survey

MOST_PAIRS = 500
MOST_FLOWS = 1_200
_OF_A_PAIR = 40
_NAMES = 8


class Flow(NamedTuple):
    """Sources reach destinations on these ports, in words; `unknown` where nobody can be certain."""

    sources: str
    destinations: str
    ports: str
    unknown: bool


class Pair(Struct, frozen=True, kw_only=True):
    """Two areas and what flows from one to the other. `left_out` flows are not listed."""

    here: Area
    there: Area
    reach: Reach
    flows: tuple[Flow, ...]
    left_out: int
    listed: bool = True


def list_pairs(survey: Survey) -> list[Pair]:
    """The pairs of areas between which something may flow, by destination.

    Where there are too many, those with the outside come first, then those that are open in part.
    """
    pairs = [pair for pair in survey.ordered_pairs() if survey.reach[pair[0].name, pair[1].name].word != NONE]
    ranked = sorted(pairs, key=lambda pair: _rank(survey, pair))[:MOST_PAIRS]
    left = MOST_FLOWS
    found: dict[tuple[str, str], Pair] = {}
    for here, there in ranked:
        reach = survey.reach[here.name, there.name]
        listed = there.what != REST and here.what != REST and reach.word != ALL
        flows = _flows(survey, here, there) if listed and left > 0 else []
        shown = [_told(survey, here, there, one) for one in flows[: min(left, _OF_A_PAIR)]]
        left -= len(shown)
        found[here.name, there.name] = Pair(
            here=here,
            there=there,
            reach=reach,
            flows=tuple(shown),
            left_out=len(flows) - len(shown),
            listed=bool(shown) or not listed,
        )
    return [
        found[here.name, there.name]
        for there in survey.areas
        for here in survey.areas
        if (here.name, there.name) in found
    ]


def _rank(survey: Survey, pair: tuple[Area, Area]) -> tuple[bool, bool]:
    here, there = pair
    return OUTSIDE not in (here.what, there.what), survey.reach[here.name, there.name].word == ALL


class _Flow(NamedTuple):
    destinations: tuple[int, ...]
    sources: int
    ports: int
    unknown: bool


def _flows(survey: Survey, here: Area, there: Area) -> list[_Flow]:
    joined: dict[tuple[int, int, bool], list[int]] = {}
    for number in members(there.bits):
        cells = survey.cells.get(number, ())
        sure = _by_ports([(bits & here.bits, ports) for bits, ports, doubt in cells if not doubt])
        doubtful = _by_ports([(bits & here.bits, ports) for bits, ports, doubt in cells if doubt])
        for unknown, found in ((False, sure), (True, doubtful)):
            for ports, bits in found.items():
                joined.setdefault((bits, ports, unknown), []).append(number)
    return sorted(
        _Flow(tuple(destinations), bits, ports, unknown) for (bits, ports, unknown), destinations in joined.items()
    )


def _told(survey: Survey, here: Area, there: Area, flow: _Flow) -> Flow:
    return Flow(
        _names(survey, tuple(members(flow.sources)), here),
        _names(survey, flow.destinations, there),
        survey.found.model.ports.describe(flow.ports),
        flow.unknown,
    )


def _by_ports(cells: Sequence[tuple[int, int]]) -> Mapping[int, int]:
    """Sources by all of the ports that they reach."""
    pieces: dict[int, int] = {}  # ports -> sources
    for bits, ports in cells:
        split: dict[int, int] = {}
        new = bits
        for known, sources in pieces.items():
            for mask, part in ((known | ports, sources & bits), (known, sources & ~bits)):
                if part:
                    split[mask] = split.get(mask, 0) | part
            new &= ~sources
        if new:
            split[ports] = split.get(ports, 0) | new
        pieces = split
    return pieces


def _names(survey: Survey, chosen: Sequence[int], area: Area) -> str:
    if len(chosen) == area.bits.bit_count() and len(chosen) > 1:
        return {POD: "every workload", OUTSIDE: "every address"}.get(area.what, "every node")
    names: list[str] = []
    for number in chosen[: _NAMES + 1]:
        names += survey.found.groups[number].names[: _NAMES + 1]
    total = sum(len(survey.found.groups[number].names) for number in chosen)
    shown = [short(name, 80) for name in names[:_NAMES]]
    return ", ".join(shown) + (f" and {total - len(shown)} more" if total > len(shown) else "")
