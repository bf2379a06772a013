"""What an edit of policies changes: exact sets of flows, worked out only where the edit reaches."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from thwart.lib.bitsets import members
from thwart.network.engine import Model
from thwart.network.model import EGRESS, INGRESS
from thwart.network.ports import Ports
from thwart.network.sides import Cell

_STATES = (True, False, None)


class Difference(NamedTuple):
    """Flows whose answer changed: every source to every destination (sets of classes), on ports (a mask of the new ones)."""

    sources: int
    destinations: int
    ports: int
    before: bool | None
    after: bool | None


def differences(old: Model, new: Model, numbers: Iterable[int]) -> list[Difference]:
    """The flows that two models of the same classes answer differently.

    Args:
        old: before.
        new: after; `old.edited(...)`, so that both have the same classes.
        numbers: the policies that differ. Only what they select, or did, can have changed.
    """
    touched = list(numbers)
    destinations, sources = (
        _subjects(old, touched, side) | _subjects(new, touched, side) for side in (INGRESS, EGRESS)
    )
    finer = _Finer(old.ports, new.ports)
    found: dict[tuple[int, int, bool | None, bool | None], int] = {}
    for destination in members(destinations):
        for ports, changed, before, after in _compare(finer(old.row(destination)), new.row(destination)):
            key = (changed, ports, before, after)
            found[key] = found.get(key, 0) | 1 << destination
    made = [Difference(here, there, ports, before, after) for (here, ports, before, after), there in found.items()]
    found.clear()
    for source in members(sources):
        for ports, changed, before, after in _compare(finer(old.column(source)), new.column(source)):
            if changed & ~destinations:  # the rest was told above
                key = (changed & ~destinations, ports, before, after)
                found[key] = found.get(key, 0) | 1 << source
    made += [Difference(here, there, ports, before, after) for (there, ports, before, after), here in found.items()]
    return made


class _Finer:
    """Cells of older ports with newer masks."""

    def __init__(self, old: Ports, new: Ports) -> None:
        self._pieces = old.translation(new) if old is not new else None

    def __call__(self, found: list[Cell]) -> list[Cell]:
        if self._pieces is None:
            return found
        return [Cell(self._mask(ports, self._pieces), allow, deny) for ports, allow, deny in found]

    def _mask(self, ports: int, pieces: list[int]) -> int:
        mask = 0
        for number in members(ports):
            mask |= pieces[number]
        return mask


def _subjects(model: Model, numbers: list[int], direction: str) -> int:
    bits = 0
    for plane in model.planes.values():
        for number in numbers:
            if number < len(plane.policies):
                policy = plane.policies[number]
                if policy.rules(direction) or direction in policy.isolates:
                    bits |= plane.subjects[number] | plane.perhaps_subjects[number]
    return bits


def _compare(old: list[Cell], new: list[Cell]) -> list[tuple[int, int, bool | None, bool | None]]:
    """Ports, the classes whose answer changed there, and the answers before and after."""
    found = []
    for here in old:
        for there in new:
            ports = here.ports & there.ports
            if ports and here[1:] != there[1:]:
                for before in _STATES:
                    for after in _STATES:
                        changed = _those(here, before, there) & _those(there, after, here) if before is not after else 0
                        if changed:
                            found.append((ports, changed, before, after))
    return found


def _those(cell: Cell, state: bool | None, other: Cell) -> int:
    if state is None:  # only where the other knows can it have changed
        return (other.allow | other.deny) & ~(cell.allow | cell.deny)
    return cell.allow if state else cell.deny
