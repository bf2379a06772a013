"""The smallest changes that turn the answer for one flow: from denied to allowed, or from allowed to denied.

A change is a set of atomic edits. The space of edits is, for each direction (egress of the source, ingress of the
destination) and with the rules that have a say in it:

* add to a policy that isolates the pod one rule that allows exactly this peer on exactly this port;
* add a NetworkPolicy that selects exactly this pod, with such a rule, or with none (which isolates it);
* add a ClusterNetworkPolicy of the Admin tier that denies exactly this flow;
* put a rule of the opposite action before the one that decides, in a policy whose rules are tried in order;
* take out a rule that decides (for an allowed flow: all that allow it, as any one would do);
* take the direction out of a policy that isolates (of all of them, as any one would do), or delete it where it is no
  NetworkPolicy;
* set or drop labels of an end or of its namespace, where that alone turns the direction, because a rule that stands
  already would then be about the flow, or would no longer be. What needs more than three labels, or would close the
  other direction, is left out.

"Exactly this peer" means: with all labels that a person gave it, in its namespace; an address as a block of one. A
change is listed when its edits together turn the answer and no proper part of them does. Each is judged by the engine
itself, on a world of the two ends and the policies that select them (or would, with other labels).
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from itertools import chain, combinations, count, product

from msgspec import Struct

from thwart.network.changes import labels
from thwart.network.changes.edits import OPEN, Edit
from thwart.network.changes.shown import Order, Shown, order, show
from thwart.network.changes.small import Small, restrict
from thwart.network.changes.steps import Steps
from thwart.network.changes.unknown import missing
from thwart.network.engine import Model
from thwart.network.explain import Party
from thwart.network.model import EGRESS, INGRESS, Answer, Endpoint, PodPeer

__all__ = ["Changes", "Finder", "Shown"]

_MOST_JUDGED = 300  # worlds that are tried for one direction
_MOST_PARTS = 4  # edits of a set of which every part is tried; of a larger one the largest and the smallest
_MOST_OTHERS = 400  # policies of a namespace that labels could bring into play


class Changes(Struct, frozen=True, kw_only=True):
    """What would turn an answer.

    `wanted` is what the answer would become, None when there is nothing to turn: the answer is not known, and `missing`
    says what would make it known. `edits` are different; `sets` hold their places, the smallest and least intrusive
    first. `cut` says that there may be more.
    """

    wanted: bool | None
    edits: tuple[Shown, ...] = ()
    sets: tuple[tuple[int, ...], ...] = ()
    missing: tuple[str, ...] = ()
    cut: bool = False


class Finder:
    """Finds changes for flows of one model."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._near: dict[str, list[int]] = {}
        self._made: dict[int, list[int]] = {}  # by the object that made them
        for number, policy in enumerate(model.world.policies):
            subject = policy.subject
            where = subject.namespace if isinstance(subject, PodPeer) else None
            self._near.setdefault(where or "", []).append(number)
            self._made.setdefault(id(policy.origin), []).append(number)

    def find(
        self,
        source: Party,
        destination: Party,
        protocol: str,
        port: int,
        most: int = 64,
        *,
        shown: tuple[Endpoint | None, Endpoint | None] = (None, None),
    ) -> Changes:
        """The smallest changes for one flow, at most so many.

        `shown` are the members of the ends' classes that proposals are about, where an end is any of several pods.
        """
        selecting = {
            number
            for plane in self._model.planes.values()
            for party in (source, destination)
            for number in plane.selecting(party.number)
        }
        selecting = self._whole(selecting)
        world, *ends = restrict(self._model, (source, destination), shown, selecting)
        small = Small(world, ends[0], ends[1], protocol, port)
        start = small.judge(frozenset())
        if start.allowed is None:
            return Changes(wanted=None, missing=missing(start, self._model.world))
        wanted = not start.allowed
        relabellings, cut = self._relabellings(small, wanted, start, selecting)
        more = self._brought_in(small, relabellings)
        if more - selecting:
            world, *ends = restrict(self._model, (source, destination), shown, self._whole(selecting | more))
            small = Small(world, ends[0], ends[1], protocol, port)
        search = _Search(small, wanted, relabellings)
        found = search.run(most)
        return _listed(small, wanted, found, cut=cut or search.cut)

    def _whole(self, numbers: set[int]) -> set[int]:
        """With the other policies of the same objects: an edit of an object is one of all of them."""
        policies = self._model.world.policies
        return {other for number in numbers for other in self._made[id(policies[number].origin)]}

    def _relabellings(
        self, small: Small, wanted: bool, start: Answer, selecting: set[int]
    ) -> tuple[list[labels.Relabelling], bool]:
        if not wanted:
            return list(dict.fromkeys(labels.closings(small))), False
        numbers = [n for n in self._around(small) if n not in selecting]
        others = [self._model.world.policies[number] for number in numbers[:_MOST_OTHERS]]
        directions = list(dict.fromkeys(r.direction for r in start.because if r.direction))
        found = list(dict.fromkeys(labels.openings(small, directions, others)))
        return found[: labels.MOST], len(numbers) > _MOST_OTHERS or len(found) > labels.MOST

    def _around(self, small: Small) -> list[int]:
        """Policies that could come to select an end."""
        names = {pod.namespace for end in (small.source, small.destination) if (pod := small.pod(end))}
        return sorted(chain(self._near.get("", ()), *(self._near.get(name, ()) for name in sorted(names))))

    def _brought_in(self, small: Small, relabellings: Sequence[labels.Relabelling]) -> set[int]:
        """The policies that would select an end if labels were changed."""
        edits = {edit for one in relabellings for edit in one.edits}
        found: set[int] = set()
        for end in (small.source, small.destination):
            pod = small.pod(end)
            own = [edit for edit in edits if pod is not None and edit.end in (-1, end.place)]
            if pod is None or not own:
                continue
            namespace = small.world.namespaces[pod.namespace].labels
            for number in chain(self._near.get("", ()), self._near.get(pod.namespace, ())):
                if labels.may_select(self._model.world.policies[number].subject, pod, namespace, own):
                    found.add(number)
        return found


class _Search:
    """Finds the sets. What is done in one direction does not touch the other, labels apart, so that each is led alone."""

    def __init__(self, small: Small, wanted: bool, relabellings: Sequence[labels.Relabelling]) -> None:
        self._small = small
        self._wanted = wanted
        self._steps = Steps(small)
        self._relabellings = relabellings
        self.cut = False

    def run(self, most: int) -> list[frozenset[Edit]]:
        """The sets that turn the answer and of which no part does."""
        each = [self._ways(direction, most) for direction in (EGRESS, INGRESS)]
        if self._wanted:
            ways = [frozenset[Edit]().union(*chosen) for chosen in product(*each)]
        else:  # either direction is enough
            ways = [*each[0], *each[1]]
        found: list[frozenset[Edit]] = []
        for way in sorted(ways, key=self._place):
            if any(known <= way for known in found):
                continue
            if len(found) == most:
                self.cut = True
                break
            if self._small.judge(way).allowed is self._wanted:
                smallest = self._smallest(way)
                found = [smallest, *(known for known in found if not smallest <= known)]
        return found

    def _place(self, edits: frozenset[Edit]) -> tuple[int, list[Order]]:
        return len(edits), sorted(order(edit, self._small.world) for edit in edits)

    def _ways(self, direction: str, most: int) -> list[frozenset[Edit]]:
        """The sets that turn a direction: the smallest first, each judged, and led further by the reasons of its answer."""
        aside = self._open(direction)
        ticket = count()  # sets have no order: the first put in is the first taken out
        heap = [(0, next(ticket), frozenset[Edit]())]
        met = {heap[0][2]}
        ways: list[frozenset[Edit]] = []
        allowance = self._small.judged + _MOST_JUDGED
        while heap:
            state = heapq.heappop(heap)[2]
            if any(known <= state for known in ways):
                continue
            if len(ways) == most or self._small.judged >= allowance:
                self.cut = True
                break
            answer = self._small.judge(state | aside)
            if self._is_turned(answer, direction):
                ways.append(state)
                continue
            for step in self._from(state, aside, answer, direction):
                further = state | step
                if further not in met:
                    met.add(further)
                    if self._small.judge(further | aside) != answer:
                        heapq.heappush(heap, (len(further), next(ticket), further))
        return ways

    def _open(self, direction: str) -> frozenset[Edit]:
        """What makes the other direction allow everything, for the time that this one is to be opened."""
        if not self._wanted:
            return frozenset()
        other = INGRESS if direction == EGRESS else EGRESS
        return frozenset(Edit(OPEN, other, number) for number in range(len(self._small.world.policies)))

    def _from(
        self, state: frozenset[Edit], aside: frozenset[Edit], answer: Answer, direction: str
    ) -> Iterator[frozenset[Edit]]:
        yield from self._steps.toward(self._wanted, answer, state, direction)
        for one in self._relabellings:
            labelled = self._small.judge(state | aside | one.edits)
            if one.direction == direction and self._is_turned(labelled, direction):
                yield one.edits

    def _is_turned(self, answer: Answer, direction: str) -> bool:
        """Whether nothing more is needed in a direction; the other one can at most be unknown when it is open."""
        opened = answer.allowed is None and all(reason.direction != direction for reason in answer.because)
        return answer.allowed is self._wanted or (self._wanted and opened)

    def _smallest(self, state: frozenset[Edit]) -> frozenset[Edit]:
        """The smallest part of a set that turns the answer as well: labels may turn both directions at once."""
        edits = sorted(state, key=lambda edit: order(edit, self._small.world))
        sizes = range(1, len(edits)) if len(edits) <= _MOST_PARTS else (1, len(edits) - 1)
        for part in chain.from_iterable(combinations(edits, size) for size in sizes):
            if self._small.judge(frozenset(part)).allowed is self._wanted:
                return self._smallest(frozenset(part))
        return state


def _listed(small: Small, wanted: bool, found: list[frozenset[Edit]], *, cut: bool) -> Changes:
    def place(edit: Edit) -> Order:
        return order(edit, small.world)

    ordered = sorted(found, key=lambda edits: (len(edits), sorted(map(place, edits))))
    told: dict[Edit, Shown] = {}
    for edits in ordered:
        for edit in sorted(edits, key=place):
            if edit not in told:
                told[edit] = show(edit, small)
    numbers = {one: number for number, one in enumerate(dict.fromkeys(told.values()))}
    sets = [tuple(sorted({numbers[told[edit]] for edit in edits})) for edits in ordered]
    return Changes(wanted=wanted, edits=tuple(numbers), sets=tuple(dict.fromkeys(sets)), cut=cut)
