"""Which rules could go: exact, by working out again only the sides of the classes that a rule touches."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from msgspec import Struct

from thwart.lib.bitsets import members, pack
from thwart.network.classes import OUTSIDE
from thwart.network.engine import Model
from thwart.network.lint._sides import Change, Key, RuleSide, sides
from thwart.network.model import ALLOW, EGRESS, INGRESS, Policy, Rule

_TRIED = 3  # single flows before whole rows are asked for


class Flow(NamedTuple):
    """One flow: classes and one port (a mask of one bit)."""

    source: int
    destination: int
    port: int


class Verdict(Struct, kw_only=True):
    """What would change without a rule.

    `redundant`: nothing, because of the rules in `covers`; `shadowed`, because those are tried before. `one_sided`:
    nothing, because the other end stops all that only this rule allows; `elsewhere` is one such flow. `witness` is a flow
    that would be answered in another way. None of these: what is unknown hides it, or another address family.
    """

    number: int
    policy: Policy
    rule: Rule
    direction: str
    redundant: bool = False
    shadowed: bool = False
    one_sided: bool = False
    covers: tuple[Key, ...] = ()
    witness: Flow | None = None
    elsewhere: Flow | None = None


class Removal:
    """Judges every rule of a model.

    With `together`, rules that are found redundant count as gone for those that are judged later, narrow ones first, so
    that all that are found can go at once.
    """

    def __init__(self, model: Model, *, together: bool = True) -> None:
        self._model = model
        self._together = together
        self.written: dict[Key, tuple[int, Policy, Rule]] = {}
        self._at: dict[Key, list[RuleSide]] = {}
        self._met: dict[tuple[frozenset[int], bool, int], int] = {}
        for family, plane in model.planes.items():
            for direction in (INGRESS, EGRESS):
                for side in sides(plane, family, direction):
                    for key in side.rules():
                        self._at.setdefault(key, []).append(side)
        for number, policy in enumerate(model.world.policies):
            for direction in (INGRESS, EGRESS):
                for rule in policy.rules(direction):
                    self.written.setdefault(Key(id(policy.origin), direction, rule.pointer), (number, policy, rule))

    def verdicts(self) -> Iterator[Verdict]:
        """One verdict for each rule that is about any flow at all."""
        for key in sorted(self._at, key=self._order):
            number, policy, rule = self.written[key]
            if rule.index < 0:  # of the kind's own meaning, not written
                continue
            verdict = Verdict(number=number, policy=policy, rule=rule, direction=key.direction)
            self._judge(key, verdict)
            if verdict.redundant and self._together:
                for side in self._at[key]:
                    side.remove(key)
            yield verdict

    def _order(self, key: Key) -> tuple[int, int, int]:
        """Narrow rules first, later ones first among equals."""
        number, _, rule = self.written[key]
        size = 0
        for plane in self._model.planes.values():
            for applied in (plane.ingress if key.direction == INGRESS else plane.egress)[number]:
                if applied.rule.pointer == rule.pointer:
                    size = max(size, (applied.sure | applied.perhaps).bit_count())
        return size, -number, -rule.index

    def _judge(self, key: Key, verdict: Verdict) -> None:
        stopped = touched = False
        for side in self._at[key]:
            found = side.without(key)
            for own in side.classes if found else ():
                here = self._flows(side, found, own)
                if not here:
                    continue
                verdict.elsewhere = verdict.elsewhere or _flow(side, here[0], own)
                verdict.witness = self._tried(side, here, own)
                if verdict.witness is None:
                    stopped = self._is_stopped(side, here, own, verdict) and (stopped or not touched)
                touched = True
                if verdict.witness is not None or not stopped:
                    return
        verdict.one_sided = stopped
        if not touched:
            self._judge_unneeded(key, verdict)

    def _judge_unneeded(self, key: Key, verdict: Verdict) -> None:
        """Of a rule that no side needs: whether other rules are the reason, and which."""
        around = self._at[key]
        ranked = any(key in side.ranked for side in around)
        verdict.shadowed = ranked and all(side.shadowed(key) for side in around)
        again = ranked and all(side.repeated(key) for side in around)
        verdict.redundant = not ranked or verdict.shadowed or again
        if verdict.redundant:
            verdict.covers = tuple(dict.fromkeys(k for side in around for k in side.covering(key)))

    def _flows(self, side: RuleSide, found: list[Change], own: int) -> list[Change]:
        """The changes that are flows of one class: in a family in which the ends meet, and not a pod's to itself."""
        others = self._meeting(side.family, own)
        one = self._model.classes[own]
        if len(one.members) == 1 and one.members[0].single:
            others &= ~(1 << own)
        return [Change(ports, bits & others) for ports, bits in found if bits & others]

    def _meeting(self, family: int, own: int) -> int:
        model = self._model
        if len(model.planes) == 1:
            return model.planes[family].everyone
        alike = (model.classes[own].families, model.classes[own].what == OUTSIDE, family)
        if alike not in self._met:
            meeting = (n for n in range(len(model.classes)) if family in model.families(n, own))
            self._met[alike] = pack(meeting, len(model.classes))
        return self._met[alike]

    def _tried(self, side: RuleSide, found: list[Change], own: int) -> Flow | None:
        """A flow that the other end surely allows, among a few."""
        for ports, bits in found:
            last = bits.bit_length() - 1  # classes outside come last, and nothing stops them
            for other in (*islice(members(bits), _TRIED), last):
                flow = _flow(side, Change(ports, 1 << other), own)
                if self._is_open(flow, side):
                    return flow
        return None

    def _is_open(self, flow: Flow, side: RuleSide) -> bool:
        """Whether the other end surely allows a flow that has one family only, and this end is known."""
        families = self._model.families(flow.source, flow.destination)
        if families != [side.family]:
            return False
        egress, ingress = side.plane.at(*flow)
        own, other = (ingress, egress) if side.direction == INGRESS else (egress, ingress)
        return bool(other.allow and (own.allow or own.deny))

    def _is_stopped(self, side: RuleSide, found: list[Change], own: int, verdict: Verdict) -> bool:
        """Whether the other end surely stops them all; if not, one that it lets through is the witness."""
        if verdict.rule.action != ALLOW:
            return False
        for cell in self._model.row(own) if side.direction == INGRESS else self._model.column(own):
            for ports, bits in found:
                if cell.ports & ports and bits & ~cell.deny:
                    passing = bits & cell.allow
                    if passing and len(self._model.planes) == 1:
                        verdict.witness = _flow(side, Change(cell.ports & ports, passing), own)
                    return False
        return True


def _flow(side: RuleSide, change: Change, own: int) -> Flow:
    other = next(members(change.others))
    port = change.ports & -change.ports
    return Flow(other, own, port) if side.direction == INGRESS else Flow(own, other, port)
