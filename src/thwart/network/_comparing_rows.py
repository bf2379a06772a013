"""Rows of two models in joint classes and joint ports: what differs, grouped by what it was and what it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from thwart.lib.bitsets import members, pack
from thwart.network._comparing_units import Joint, Spread
from thwart.network.engine import Model
from thwart.network.ports import Ports

_KEPT = 64  # rows: destinations of one class follow each other


class State(NamedTuple):
    """Ports (masks) on which some pair of a source and a destination is allowed, denied, unknown."""

    allow: int = 0
    deny: int = 0
    unknown: int = 0

    @property
    def partial(self) -> int:
        """Ports on which it depends on the pods."""
        return self.allow & (self.deny | self.unknown)


class Piece(NamedTuple):
    """Ports, and the sources (joint classes) of which some pair is allowed, denied, unknown on them."""

    ports: int
    allow: int
    deny: int
    unknown: int


class Shift(NamedTuple):
    """Sources whose connections to a destination were of one state, and are of another."""

    sources: int
    before: State
    after: State


class View:
    """One model as seen in joint classes and ports."""

    def __init__(self, model: Model, joints: Sequence[Joint], ports: Ports, *, after: bool) -> None:
        self._model = model
        self._after = after
        self._joints = joints
        classes = [one.new if after else one.old for one in joints]
        self._classes = classes
        self._everyone = (1 << len(model.classes)) - 1
        self.spread = Spread(classes, len(model.classes))
        self._translated = model.ports.translation(ports)
        self._same_ports = self._translated == [1 << number for number in range(ports.size)]
        self._rows: dict[int, list[Piece]] = {}

    def row(self, joint: int) -> list[Piece]:
        """Who reaches a joint class."""
        found: list[Piece] = []
        for number in self._classes[joint]:
            found = _joined(found, self._row(number)) if found else self._row(number)
        return self._inside(joint, found)

    def _row(self, number: int) -> list[Piece]:
        found = self._rows.get(number)
        if found is None:
            if len(self._rows) >= _KEPT:
                self._rows.clear()
            found = self._rows[number] = [
                Piece(
                    self._mask(ports),
                    self.spread(allow),
                    self.spread(deny),
                    self.spread(self._everyone & ~(allow | deny)),
                )
                for ports, allow, deny in self._model.row(number)
            ]
        return found

    def _mask(self, ports: int) -> int:
        if self._same_ports:
            return ports
        mask = 0
        for number in members(ports):
            mask |= self._translated[number]
        return mask

    def _inside(self, joint: int, found: list[Piece]) -> list[Piece]:
        """The row with the flows of a workload of several classes to itself as its pods have them."""
        units = self._joints[joint].units
        if len(units) != 1 or len(self._classes[joint]) == 1:
            return found
        found = [_without(piece, joint) for piece in found]
        for piece in self._pairs(joint):
            found = _joined(found, [piece])
        return found

    def _pairs(self, joint: int) -> Iterator[Piece]:
        unit = self._joints[joint].units[0]
        pods = unit.new if self._after else unit.old
        of = self._model.partition.of_endpoint
        pairs = {(of[id(a)], of[id(b)]) for a in pods for b in pods if a is not b or not a.single}
        bit = 1 << joint
        for source, destination in sorted(pairs):
            for ports, allow, deny in self._model.row(destination):
                yes, no = allow >> source & 1, deny >> source & 1
                yield Piece(self._mask(ports), bit if yes else 0, bit if no else 0, 0 if yes or no else bit)


def _without(piece: Piece, joint: int) -> Piece:
    keep = ~(1 << joint)
    return Piece(piece.ports, piece.allow & keep, piece.deny & keep, piece.unknown & keep)


def _joined(here: list[Piece], there: list[Piece]) -> list[Piece]:
    """Both, where one may be of fewer ports than all."""
    found = []
    for one in here:
        rest = one.ports
        for other in there:
            ports = one.ports & other.ports
            if ports:
                rest &= ~ports
                found.append(Piece(ports, one.allow | other.allow, one.deny | other.deny, one.unknown | other.unknown))
        if rest:
            found.append(one._replace(ports=rest))
    return found


def shifts(old: list[Piece], new: list[Piece], sources: int) -> list[Shift]:
    """How the connections of some sources to one destination differ, sources of equal differences together."""
    changed = 0
    for here in old:
        for there in new:
            if here.ports & there.ports and here[1:] != there[1:]:
                changed |= here.allow ^ there.allow | here.deny ^ there.deny | here.unknown ^ there.unknown
    return profiles(old, new, changed & sources)


def profiles(old: list[Piece], new: list[Piece], sources: int) -> list[Shift]:
    """Sources by their states before and after."""
    groups = [Shift(sources, State(), State())] if sources else []
    for pieces, after in ((old, False), (new, True)):
        for piece in pieces:
            groups = [part for group in groups for part in _split(group, piece, after=after)]
    merged: dict[tuple[State, State], int] = {}
    for bits, before, now in groups:
        merged[before, now] = merged.get((before, now), 0) | bits
    return [Shift(bits, before, now) for (before, now), bits in merged.items()]


def _split(group: Shift, piece: Piece, *, after: bool) -> Iterator[Shift]:
    state = group.after if after else group.before
    for allowed in (0, piece.ports):
        for denied in (0, piece.ports):
            for doubtful in (0, piece.ports):
                bits = group.sources
                for inside, among in ((allowed, piece.allow), (denied, piece.deny), (doubtful, piece.unknown)):
                    bits &= among if inside else ~among
                if bits:
                    now = State(state.allow | allowed, state.deny | denied, state.unknown | doubtful)
                    yield Shift(bits, group.before, now) if after else Shift(bits, now, group.after)


def reaching(pieces: list[Piece]) -> int:
    """The sources that reach a destination on some port, or may."""
    found = 0
    for piece in pieces:
        found |= piece.allow | piece.unknown
    return found


def standing(joints: Sequence[Joint], stands: str) -> int:
    """The joint classes that are in both worlds, or in one; addresses outside are in both."""
    return pack((number for number, one in enumerate(joints) if one.stands == stands), len(joints))
