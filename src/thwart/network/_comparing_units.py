"""Who is who in two worlds: workloads matched by name, nodes, addresses outside, folded into joint classes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from msgspec import Struct

from thwart.lib.bitsets import pack
from thwart.lib.intervals import WIDTHS, Span
from thwart.network.classes import OUTSIDE
from thwart.network.engine import Model
from thwart.network.intents.ends import free_address, known_addresses
from thwart.network.model import Endpoint

WORKLOAD, NODE, OUT = "workload", "node", "outside"
BOTH, ADDED, REMOVED = "both", "added", "removed"


class Unit(NamedTuple):
    """A workload, one pod of it that has its own name in both worlds, or a node. Sides that have none are empty."""

    namespace: str
    name: str
    old: tuple[Endpoint, ...] = ()
    new: tuple[Endpoint, ...] = ()

    @property
    def label(self) -> str:
        """The unit's name with its namespace."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    def lonely(self, *, after: bool) -> bool:
        """Whether there is one pod only, which has no flow to itself."""
        here = self.new if after else self.old
        return not here or (len(here) == 1 and here[0].single)


class Joint(Struct, frozen=True):
    """Units that no policy of either world tells apart: of the same classes before, and after."""

    what: str
    old: tuple[int, ...]
    new: tuple[int, ...]
    units: tuple[Unit, ...] = ()
    spans: tuple[tuple[int, Span], ...] = ()

    @property
    def stands(self) -> str:
        """Whether it is in both worlds, or in which."""
        return BOTH if self.old and self.new else REMOVED if self.old else ADDED


def joint_classes(old: Model, new: Model) -> list[Joint]:
    """All joint classes: as the older classes are numbered, then what is new."""
    found: dict[tuple[str, tuple[int, ...], tuple[int, ...]], list[Unit]] = {}
    for unit in units(old, new):
        before = tuple(sorted({old.partition.of_endpoint[id(one)] for one in unit.old}))
        after = tuple(sorted({new.partition.of_endpoint[id(one)] for one in unit.new}))
        found.setdefault((WORKLOAD, before, after), []).append(unit)
    for name in sorted(old.partition.of_node.keys() | new.partition.of_node.keys()):
        classes = [(model.partition.of_node[name],) if name in model.partition.of_node else () for model in (old, new)]
        found.setdefault((NODE, classes[0], classes[1]), []).append(Unit("", f"Node/{name}"))
    joints = [Joint(what, before, after, tuple(units)) for (what, before, after), units in found.items()]
    joints += _outside(old, new)
    return sorted(joints, key=lambda one: (one.old or (len(old.classes),), one.new or (len(new.classes),)))


def units(old: Model, new: Model) -> Iterator[Unit]:
    """Workloads of both worlds, matched: their pods by name if the names are the same, else all of them together."""
    here, there = _by_workload(old.world.endpoints), _by_workload(new.world.endpoints)
    for key in sorted(here.keys() | there.keys()):
        before, after = here.get(key, []), there.get(key, [])
        if len(before) < 2 and len(after) < 2:
            yield Unit(*key, tuple(before), tuple(after))
        else:
            yield from _pods(key, before, after)


def _by_workload(endpoints: Iterable[Endpoint]) -> dict[tuple[str, str], list[Endpoint]]:
    found: dict[tuple[str, str], list[Endpoint]] = {}
    for endpoint in endpoints:
        found.setdefault((endpoint.namespace, endpoint.workload), []).append(endpoint)
    return found


def _pods(key: tuple[str, str], before: list[Endpoint], after: list[Endpoint]) -> Iterator[Unit]:
    old, new = _by_name(before), _by_name(after)
    if old.keys() != new.keys():  # replicas change their names: who came cannot be told from who went
        yield Unit(*key, tuple(before), tuple(after))
        return
    for name in sorted(old):
        label = key[1] if key[1].endswith(f"/{name}") else f"{key[1]} ({name})"
        yield Unit(key[0], label, tuple(old[name]), tuple(new[name]))


def _by_name(endpoints: Iterable[Endpoint]) -> dict[str, list[Endpoint]]:
    found: dict[str, list[Endpoint]] = {}
    for endpoint in endpoints:
        found.setdefault(endpoint.name, []).append(endpoint)
    return found


def _outside(old: Model, new: Model) -> Iterator[Joint]:
    known = [known_addresses(model.world) for model in (old, new)]
    taken = {version: sorted({*known[0][version], *known[1][version]}) for version in WIDTHS}
    found: dict[tuple[int, int], list[tuple[int, Span]]] = {}
    for version in WIDTHS:
        here, there = _pieces(old, version), _pieces(new, version)
        starts = [first for first, _ in here], [first for first, _ in there]
        bounds = sorted({*starts[0], *starts[1]})
        for at, first in enumerate(bounds):
            last = bounds[at + 1] - 1 if at + 1 < len(bounds) else (1 << WIDTHS[version]) - 1
            key = here[bisect_right(starts[0], first) - 1][1], there[bisect_right(starts[1], first) - 1][1]
            found.setdefault(key, []).append((version, Span(first, last)))
    for (before, after), spans in found.items():
        if free_address(spans, taken) is not None:  # else they are addresses of pods and nodes
            yield Joint(OUT, (before,), (after,), (), tuple(spans))


def _pieces(model: Model, version: int) -> list[tuple[int, int]]:
    """Where each piece of the addresses of a family begins, and its class."""
    outside = [(number, one) for number, one in enumerate(model.classes) if one.what == OUTSIDE]
    return sorted((span.first, number) for number, one in outside for family, span in one.spans if family == version)


class Spread:
    """Sets of classes of one world as sets of joint classes: those in whose classes they are."""

    def __init__(self, classes: Iterable[tuple[int, ...]], size: int) -> None:
        shifted: dict[int, list[int]] = {}
        count = 0
        for joint, several in enumerate(classes):
            count = joint + 1
            for one in several:
                shifted.setdefault(joint - one, []).append(one)
        self._shifts = [(shift, pack(ones, size)) for shift, ones in sorted(shifted.items())]
        self._same = self._shifts == [(0, (1 << size) - 1)] and count == size
        self._known: dict[int, int] = {}

    def __call__(self, bits: int) -> int:
        """The joint classes that have a class of the set."""
        if self._same or not bits:
            return bits
        found = self._known.get(bits)
        if found is None:
            found = 0
            for shift, mask in self._shifts:
                part = bits & mask
                found |= part << shift if shift >= 0 else part >> -shift
            if len(self._known) > 4096:
                self._known.clear()
            self._known[bits] = found
        return found
