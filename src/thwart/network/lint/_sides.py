"""One direction at classes that the same policies select, rule by rule: what would change if a rule were not there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from msgspec import Struct, field

from thwart.network.classes import Class
from thwart.network.deciding import Decision, Entry, Isolated, Side, cells, decide
from thwart.network.model import INGRESS, NETWORK, ON_THE_NET, PASS, PLAIN, Pointer, Tier
from thwart.network.plane import Plane
from thwart.network.sides import Applied, Entries


class Key(NamedTuple):
    """A rule as it was written: one may stand for several in common terms."""

    origin: int  # id of the origin: objects of one name may come from several files
    direction: str
    pointer: Pointer


class Change(NamedTuple):
    """Ports (a mask) and the classes at the other end that are decided in another way without a rule."""

    ports: int
    others: int


_Grants = tuple[tuple[int, int], ...]  # masks of ports with the classes that a rule allows there


class RuleSide(Struct):
    """One direction of the classes that have the same rules; sets are of the classes at the other end."""

    plane: Plane
    family: int
    direction: str
    classes: list[int]
    ranked: dict[Key, list[Entry]] = field(default_factory=dict)
    added: dict[Key, _Grants] = field(default_factory=dict)
    doubtful: dict[Key, list[Entry]] = field(default_factory=dict)
    isolated: dict[Tier, Isolated] = field(default_factory=dict)
    speaking: dict[Tier, int] = field(default_factory=dict)
    near: tuple[int, int] = (0, 0)
    _alike: dict[_Grants, int] = field(default_factory=dict)
    _covers: list[tuple[int, int]] | None = None
    _arriving: dict[int, int] = field(default_factory=dict)

    def rules(self) -> Iterator[Key]:
        """The rules, once each."""
        yield from dict.fromkeys((*self.ranked, *self.added, *self.doubtful))

    def take(self, key: Key, applied: Applied, mask: int, sure: int, perhaps: int) -> None:
        """Add a rule as it applies here."""
        if not mask or not (sure | perhaps):
            return
        if applied.adds and not perhaps:
            self.added[key] = (*self.added.get(key, ()), (mask, sure))
            return
        policy = applied.policy
        rank = (PLAIN, -1, 0) if applied.adds else (policy.priority, applied.number, applied.rule.index)
        entry = Entry(policy.tier, rank, applied.rule.action, mask, sure, perhaps)
        (self.doubtful if applied.adds else self.ranked).setdefault(key, []).append(entry)

    def remove(self, key: Key) -> None:
        """Take a rule out for good."""
        grants = self.added.pop(key, None)
        if grants is not None and self._alike:
            self._alike[grants] -= 1
            if not self._alike[grants]:
                del self._alike[grants]
                self._covers = None
        gone = [self.ranked.pop(key, None), self.doubtful.pop(key, None)]
        if any(gone):
            self._arriving.clear()
            self._covers = None

    def without(self, key: Key) -> list[Change]:
        """What would be decided in another way without a rule; empty when nothing would."""
        if key in self.added and key not in self.ranked and not self.doubtful:
            return self._without_added(key)
        return self._without_any(key)

    def _without_added(self, key: Key) -> list[Change]:
        """Rules that only add up: what no other one grants, of what comes as far as their tier."""
        if not self._alike:
            for grants in self.added.values():
                self._alike[grants] = self._alike.get(grants, 0) + 1
        mine = self.added[key]
        if self._alike[mine] > 1:
            return []
        if self._covers is None:
            self._covers = self._count()
        found = []
        for piece, twice in self._covers:
            bits = _granted(mine, piece)
            left = bits & ~twice
            if left:
                left &= self._arrive(piece)
            if left:
                found.append(Change(piece, left))
        return found

    def _count(self) -> list[tuple[int, int]]:
        """Pieces of the ports, each with the classes that more than one set of grants holds."""
        found = []
        masks = {mask for grants in self._alike for mask, _ in grants} | {entry.mask for entry in self._others(())}
        for piece in cells(masks, self.plane.ports.all):
            once = twice = 0
            for grants in self._alike:
                bits = _granted(grants, piece)
                twice |= once & bits
                once |= bits
            found.append((piece, twice))
        return found

    def _arrive(self, piece: int) -> int:
        """Classes that the tiers before leave to the rules that add up, and that would be denied without them."""
        stopped = self.isolated.get(NETWORK, Isolated(0, 0))
        everyone = self.plane.everyone
        if not self.ranked and len(self.isolated) <= 1 and not stopped.perhaps:
            return stopped.sure & ~self.near[0]
        if piece not in self._arriving:
            open_ = self._decide(piece, self._others(()), granted=everyone)
            shut = self._decide(piece, self._others(()), granted=0)
            self._arriving[piece] = (open_.allow ^ shut.allow) | (open_.deny ^ shut.deny)
        return self._arriving[piece]

    def _others(self, but: Iterable[Key]) -> list[Entry]:
        skipped = set(but)
        return [
            entry
            for table in (self.ranked, self.doubtful)
            for key, entries in table.items()
            if key not in skipped
            for entry in entries
        ]

    def _decide(self, piece: int, entries: list[Entry], granted: int) -> Decision:
        plain = Entry(NETWORK, (PLAIN, -1, 0), "allow", piece, granted, 0)
        side = Side((*entries, plain), self.isolated, *self.near, False, self.speaking)
        return decide(side, piece, self.plane.everyone)

    def _without_any(self, key: Key) -> list[Change]:
        """The general way: decide with and without the rule."""
        before, after = self._others(()), self._others([key])
        masks = {e.mask for e in before} | {mask for grants in self.added.values() for mask, _ in grants}
        mine = 0
        for entry in (*self.ranked.get(key, ()), *self.doubtful.get(key, ())):
            mine |= entry.mask
        for mask, _ in self.added.get(key, ()):
            mine |= mask
        found = []
        for piece in cells(masks, mine):
            granted = rest = 0
            for other, grants in self.added.items():
                bits = _granted(grants, piece)
                granted |= bits
                rest |= bits if other != key else 0
            old, new = self._decide(piece, before, granted), self._decide(piece, after, rest)
            changed = (old.allow ^ new.allow) | (old.deny ^ new.deny)
            if changed:
                found.append(Change(piece, changed))
        return found

    def shadowed(self, key: Key) -> bool:
        """Whether rules that are tried before a ranked one take all that it is about."""
        return self._within(key, lambda mine, other: _before(other, mine))

    def repeated(self, key: Key) -> bool:
        """Whether other rules of the tier, with the same action, are about all that a ranked one is about."""
        return self._within(key, lambda mine, other: (other.tier, other.action) == (mine.tier, mine.action))

    def _within(self, key: Key, counts: Callable[[Entry, Entry], bool]) -> bool:
        others = self._others([key])
        masks = {entry.mask for entry in self._others(())}
        for mine in self.ranked.get(key, ()):
            for piece in cells(masks, mine.mask):
                taken = 0
                for other in others:
                    if other.mask & piece and counts(mine, other):
                        taken |= other.sure
                if (mine.sure | mine.perhaps) & ~taken:
                    return False
        return True

    def covering(self, key: Key) -> list[Key]:
        """Rules that together are about all that a rule is about; the one that takes most of it first."""
        found: list[Key] = []
        for mask, who in _all(self, key):
            for piece in cells({m for other in self.rules() for m, _ in _all(self, other)}, mask):
                left = who
                while left:
                    gains = [(_held(self, other, piece) & left, other) for other in self.rules() if other != key]
                    best, other = max(gains, key=lambda gain: gain[0].bit_count(), default=(0, key))
                    if not best:
                        break
                    left &= ~best
                    if other not in found:
                        found.append(other)
        return found


def _before(other: Entry, mine: Entry) -> bool:
    """Whether a rule is surely tried before another and then keeps what it matches from it."""
    if other.tier != mine.tier:
        return other.tier < mine.tier and other.action != PASS
    priority, number, _ = mine.rank
    return other.rank < mine.rank and (other.rank[0] < priority or other.rank[1] == number)


def _all(side: RuleSide, key: Key) -> list[tuple[int, int]]:
    ranked = [(e.mask, e.sure | e.perhaps) for table in (side.ranked, side.doubtful) for e in table.get(key, ())]
    return [*ranked, *side.added.get(key, ())]


def _held(side: RuleSide, key: Key, piece: int) -> int:
    bits = _granted(side.added.get(key, ()), piece)
    for entry in side.ranked.get(key, ()):
        if entry.mask & piece:
            bits |= entry.sure
    return bits


class _Into(Entries):
    """Puts what a rule means at every destination into a side."""

    def __init__(self, side: RuleSide, key: Key) -> None:
        super().__init__()
        self._side, self._key = side, key

    def add(self, applied: Applied, mask: int, sure: int, perhaps: int) -> None:
        """Add a rule for some destinations."""
        self._side.take(self._key, applied, mask, sure, perhaps)


def _granted(grants: _Grants, piece: int) -> int:
    bits = 0
    for mask, who in grants:
        if mask & piece:
            bits |= who
    return bits


def sides(plane: Plane, family: int, direction: str) -> list[RuleSide]:
    """Every side of a direction, each with the classes that share it; classes that no policy selects have none."""
    grouped: dict[tuple[object, ...], RuleSide] = {}
    for number, one in enumerate(plane.partition.classes):
        selecting = plane.selecting(number)
        if not selecting:
            continue
        near = plane.foreign.near(number) if direction == INGRESS else (0, 0)
        for layer in plane.layers:
            key = (layer, tuple(selecting), plane.doubtful(number), one.ports if direction == INGRESS else (), near)
            side = grouped.get(key)
            if side is None:
                side = grouped[key] = RuleSide(plane, family, direction, [])
                side.near = near if layer == ON_THE_NET else (0, 0)
                _fill(side, number, one, layer)
            side.classes.append(number)
    return list(grouped.values())


def _fill(side: RuleSide, number: int, one: Class, layer: int) -> None:
    plane, direction = side.plane, side.direction
    doubtful = plane.doubtful(number)
    table = plane.ingress if direction == INGRESS else plane.egress
    for policy_number in plane.selecting(number):
        policy = plane.policies[policy_number]
        if policy.layer != layer:
            continue
        if direction == INGRESS and (policy.ingress or INGRESS in policy.isolates):
            side.speaking[policy.tier] = plane.everyone
        if direction in policy.isolates:
            sure, perhaps = side.isolated.get(policy.tier, (0, 0))
            here = plane.everyone
            only = policy_number in doubtful
            side.isolated[policy.tier] = Isolated(sure, here) if only else Isolated(here, perhaps)
        for applied in table[policy_number]:
            key = Key(id(policy.origin), direction, applied.rule.pointer)
            sure, perhaps = applied.sure, applied.perhaps
            if policy_number in doubtful:
                sure, perhaps = 0, sure | perhaps
            if direction == INGRESS:
                side.take(key, applied, plane.ports.mask(applied.rule.ports, one), sure, perhaps)
            else:
                plane.places.add(_Into(side, key), applied, sure, perhaps)
