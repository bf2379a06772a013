"""The boxes of the map: workloads that are connected alike, or whole areas."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import nsmallest

from msgspec import Struct

from thwart.lib.bitsets import members, pack
from thwart.network.classes import HOST, OUTSIDE, POD
from thwart.network.mapping import Group
from thwart.network.picture.names import counted, several, short
from thwart.network.picture.survey import REST, Area, Survey

MOST_ROWS = 90
LABEL = 34  # columns
_CHIEF = 36  # rows of a map that leaves workloads out
_MOST_OUTSIDE = 8  # blocks of addresses, and kinds of nodes, in boxes of their own
_MOST_NAMES = 20
_NO_BLOCK = " in no block of a policy"


class Row(Struct, frozen=True, kw_only=True):
    """What stands on a line of its own: the groups `bits` of an area."""

    area: int
    label: str
    title: str
    bits: int
    pods: int


def workload_rows(survey: Survey) -> list[Row]:
    """The workloads; those of a namespace that reach the same and are reached by the same share a row.

    More than MOST_ROWS are not all worked out.
    """
    rows: list[Row] = []
    for number, area in enumerate(survey.areas):
        found = [] if area.what == REST else _alike(survey, area, MOST_ROWS - len(rows))
        if area.what == REST or (area.what != POD and len(found) > _MOST_OUTSIDE):
            rows.append(area_row(number, area))
        else:
            rows += [_row(number, area, survey, bits) for bits in _from_the_top(survey, found)]
        if len(rows) > MOST_ROWS:
            break
    return rows


def chief_rows(survey: Survey) -> list[Row]:
    """Of each area the workloads that matter most, and the others as one row: about _CHIEF rows in all.

    First what the outside reaches, then what has most pods.
    """
    rows: list[Row] = []
    most = max(3, _CHIEF // max(len(survey.areas), 1))
    for number, area in enumerate(survey.areas):
        if area.bits.bit_count() <= (most + 1 if area.what == POD else _MOST_OUTSIDE):
            rows += [_row(number, area, survey, 1 << one) for one in members(area.bits)]
            continue
        if area.what != POD:
            rows.append(area_row(number, area))
            continue
        chosen = nsmallest(most, members(area.bits), key=lambda one: _weight(survey, one))
        rest = area.bits & ~pack(chosen, len(survey.found.groups))
        rows += [_row(number, area, survey, bits) for bits in _from_the_top(survey, [1 << one for one in chosen])]
        rows.append(_others(number, survey, rest))
    return rows


def _weight(survey: Survey, number: int) -> tuple[bool, int, int]:
    return not survey.from_outside(number), -survey.found.groups[number].pods, number


def _others(number: int, survey: Survey, bits: int) -> Row:
    groups = [survey.found.groups[one] for one in members(bits)]
    count = sum(len(group.names) for group in groups)
    names = [name for group in groups[:_MOST_NAMES] for name in group.names[:_MOST_NAMES]]
    return Row(
        area=number,
        label=f"({count:,} others)",
        title=several(names, 200, count - len(names)),
        bits=bits,
        pods=sum(group.pods for group in groups),
    )


def _alike(survey: Survey, area: Area, most: int) -> list[int]:
    """The groups of an area in sets that nothing in the map tells apart; stops when there are more than `most`."""
    pieces = [area.bits]
    for bits in survey.source_sets:
        pieces = [part for piece in pieces for part in (piece & bits, piece & ~bits) if part]
        if len(pieces) > most:
            return pieces
    found: dict[tuple[int, tuple[tuple[int, int, bool], ...]], list[int]] = {}
    for at, piece in enumerate(pieces):
        for number in members(piece):
            found.setdefault((at, tuple(survey.cells.get(number, ()))), []).append(number)
    return sorted((pack(inside, len(survey.found.groups)) for inside in found.values()), key=lambda bits: bits & -bits)


def _from_the_top(survey: Survey, rows: list[int]) -> list[int]:
    """The rows of an area in the order in which traffic goes through them: what sends most and receives least first."""
    within = 0
    for bits in rows:
        within |= bits
    score = dict.fromkeys(rows, 0)
    for there in rows:
        reaching = 0
        for number in members(there):
            for bits, _, _ in survey.cells.get(number, ()):
                reaching |= bits & within
        for here in rows:
            if here & reaching and here != there:
                score[here] += 1
                score[there] -= 1
    return sorted(rows, key=lambda bits: -score[bits])


def _row(number: int, area: Area, survey: Survey, bits: int) -> Row:
    groups = [survey.found.groups[one] for one in members(bits)]
    names = [name for group in groups[:_MOST_NAMES] for name in group.names[:_MOST_NAMES]]
    more = sum(len(group.names) for group in groups) - len(names)
    pods = sum(group.pods for group in groups) if area.what == POD else 0
    shown = [name.rpartition("/")[2] for name in names] if area.what == POD else _places(groups)
    return Row(
        area=number,
        label=several(shown, LABEL - (len(f"{pods:,}") + 3 if pods > 1 else 0), more),
        title=several(names, 200, more),
        bits=bits,
        pods=pods,
    )


def _places(groups: Sequence[Group]) -> list[str]:
    """Blocks of addresses and nodes, so short that they can be told apart at a glance."""
    found = []
    for group in groups:
        first, *others = group.names
        if first.endswith(_NO_BLOCK):
            found.append(f"other {first.removesuffix(_NO_BLOCK)}")
        elif others and all(name.startswith("except ") for name in others):
            found.append(f"{first} except {counted(len(others), 'block')}")
        elif group.what == HOST and others:
            found.append(f"{first} ({several([_hosted(name) for name in others], 20)})")
        else:
            found.append(several(group.names, LABEL))
    return found


def _hosted(name: str) -> str:
    return name.removesuffix(" (host network)").rpartition("/")[2]


def area_row(number: int, area: Area) -> Row:
    """An area as one row; `number` is its place in the survey."""
    count = area.bits.bit_count() if area.what == OUTSIDE else 0
    label = f"{count:,} blocks of addresses" if count > 1 else area.name.strip("()") if area.what != POD else area.name
    return Row(
        area=number, label=short(label, LABEL - 6), title=several([area.name], 200), bits=area.bits, pods=area.pods
    )
