"""For each class: what of the outside its own address is open to, what it may reach there, and which strangers reach it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from msgspec import Struct

from thwart.lib.bitsets import members, pack
from thwart.network._services_access import Access
from thwart.network._services_addresses import of_classes, words
from thwart.network._services_strangers import Strangers
from thwart.network.classes import HOST
from thwart.network.engine import Model
from thwart.network.sides import Cell

_NAMED = 4  # namespaces, before they are counted


class Opening(Struct, frozen=True):
    """Addresses and ports in words; `unknown` when nobody can tell."""

    addresses: tuple[str, ...]
    ports: str
    unknown: bool = False


class Stranger(Struct, frozen=True):
    """Pods that were not read, in words, and the ports on which they reach a workload.

    `by_labels` says that it depends on their labels, or is unknown.
    """

    who: str
    ports: str
    by_labels: bool = False


class Cut(NamedTuple):
    """Ports (a mask) and outside classes (a set, counted from the first of them) that are open, or of which it is unknown."""

    ports: int
    bits: int
    unknown: bool


class Facts(NamedTuple):
    """What holds for a class."""

    direct: tuple[Opening, ...]
    internet: tuple[Opening, ...]
    strangers: tuple[Stranger, ...]


class Openings:
    """The facts of every class of pods and hosts."""

    def __init__(self, model: Model, access: Access, strangers: Strangers) -> None:
        self._model = model
        self._access = access
        self._strangers = strangers
        self._outside = model.planes[4].index.outside
        self._low = _lowest(self._outside)  # outside classes come last: sets of them are kept short
        self._said_before: dict[tuple[tuple[Cut, ...], tuple[int, ...]], tuple[Opening, ...]] = {}
        self._internet = _Internet(model, self._outside)
        self._facts: dict[int, Facts] = {}
        size = len(strangers.model.classes)
        self._anyone = 1 << strangers.anyone
        self._mates = pack(strangers.mates.values(), size)
        self._names = {number: name for name, number in strangers.mates.items()}
        self._texts: dict[int, str] = {}
        for text, number in strangers.labelled:
            self._texts.setdefault(number, text)
        self._labelled = pack(self._texts, size)

    def of(self, number: int) -> Facts:
        """What holds for one class."""
        found = self._facts.get(number)
        if found is None:
            found = self._facts[number] = Facts(self._direct(number), self._out(number), self._who(number))
        return found

    def _families(self, number: int) -> tuple[int, ...]:
        return tuple(version for version in (4, 6) if self._access.has(number, version))

    def _openings(self, cells: tuple[Cut, ...], number: int) -> tuple[Opening, ...]:
        """Cells of ports and outside classes in words, the fewest that say the same."""
        key = cells, self._families(number)
        found = self._said_before.get(key)
        if found is None:
            joined = _joined(cells)
            said = [
                Opening(self._words(bits, key[1]), self._model.ports.describe(ports), unknown)
                for ports, bits, unknown in joined
            ]
            found = tuple(sorted((one for one in said if one.addresses), key=_order))
            self._said_before[key] = found
        return found

    def _words(self, bits: int, families: tuple[int, ...]) -> tuple[str, ...]:
        return words(of_classes(self._model.classes, bits << self._low, families))

    def _direct(self, number: int) -> tuple[Opening, ...]:
        cells = []
        for ports, allow, deny in self._model.row(number):
            sure = (allow & self._outside) >> self._low
            perhaps = (self._outside & ~(allow | deny)) >> self._low
            cells += [Cut(ports, sure, unknown=False)] if sure else []
            cells += [Cut(ports, perhaps, unknown=True)] if perhaps else []
        return self._openings(tuple(cells), number)

    def _out(self, number: int) -> tuple[Opening, ...]:
        return self._openings(self._internet.of(number), number)

    def _who(self, number: int) -> tuple[Stranger, ...]:
        """Strangers, from the most general on; with labels only where those of no labels are not let in."""
        own = self._model.classes[number]
        if own.what == HOST:
            return ()
        row = self._access.strange_row(self._strangers.numbers[number])
        mate = 1 << self._strangers.mates[own.namespace]
        others = self._mates & ~mate
        here = self._through(row, mate)
        away = self._through(row, self._anyone)
        if here == away and (not others or self._through(row, others) == here):
            return (*self._said("any pod in any namespace", *here), *self._with_labels(row))
        said = [
            *self._said(f"any other pod in namespace {own.namespace}", *here),
            *self._elsewhere(row, others),
            *self._said("any pod in a namespace that was not read", *away),
        ]
        return (*said, *self._with_labels(row))

    def _elsewhere(self, row: list[Cell], others: int) -> Iterator[Stranger]:
        """Pods in the other namespaces that were read, those together from which the same ports are reached."""
        found: dict[tuple[int, bool], int] = {}
        for ports, allow, deny in row:
            for bits, by_labels in ((allow & others, False), (others & ~(allow | deny), True)):
                if bits:
                    found[bits, by_labels] = found.get((bits, by_labels), 0) | ports
        for (bits, by_labels), ports in found.items():
            yield Stranger(self._namespaces(bits, others), self._model.ports.describe(ports), by_labels)

    def _namespaces(self, bits: int, others: int) -> str:
        if bits.bit_count() > _NAMED:
            shown = "the" if bits == others else f"{bits.bit_count()}"
            return f"any other pod in {shown} other namespaces"
        names = ", ".join(self._names[number] for number in members(bits))
        return f"any other pod in namespace{'s' if bits.bit_count() > 1 else ''} {names}"

    def _through(self, row: list[Cell], group: int) -> tuple[int, int]:
        """The ports on which all of a group come in, and those on which some may."""
        sure = perhaps = 0
        for ports, allow, deny in row:
            if allow & group == group:
                sure |= ports
            elif group & ~deny:
                perhaps |= ports
        return sure, perhaps

    def _said(self, who: str, sure: int, perhaps: int) -> list[Stranger]:
        described = self._model.ports.describe
        found = [Stranger(who, described(sure))] if sure else []
        return [*found, Stranger(who, described(perhaps), by_labels=True)] if perhaps else found

    def _with_labels(self, row: list[Cell]) -> list[Stranger]:
        found: dict[int, int] = {}
        for ports, allow, _ in row:
            if not allow & self._anyone:
                for number in members(allow & self._labelled):
                    found[number] = found.get(number, 0) | ports
        return [one for number, ports in sorted(found.items()) for one in self._said(self._texts[number], ports, 0)]


def _order(one: Opening) -> tuple[bool, tuple[str, ...], str]:
    return one.unknown, one.addresses, one.ports


def _joined(cells: Iterable[Cut]) -> Iterator[Cut]:
    """The same, with the ports of equal addresses together, then the addresses of equal ports."""
    by_addresses: dict[tuple[int, bool], int] = {}
    for ports, bits, unknown in cells:
        by_addresses[bits, unknown] = by_addresses.get((bits, unknown), 0) | ports
    by_ports: dict[tuple[int, bool], int] = {}
    for (bits, unknown), ports in by_addresses.items():
        by_ports[ports, unknown] = by_ports.get((ports, unknown), 0) | bits
    for (ports, unknown), bits in by_ports.items():
        yield Cut(ports, bits, unknown)


class _Internet:
    """Where each class may go outside. What every address allows alike is kept once; the rest is rare."""

    def __init__(self, model: Model, outside: int) -> None:
        low = _lowest(outside)
        rows = [(1 << number - low, model.row(number)) for number in members(outside)]
        inside = model.planes[4].everyone & ~outside
        self._everywhere = (Cut(model.ports.all, outside >> low, unknown=False),)
        self._free = inside  # may go anywhere, on every port
        for _, row in rows:
            for _, allow, _ in row:
                self._free &= allow
        rest = inside & ~self._free
        self._own: dict[int, dict[tuple[int, bool], int]] = {}
        for bit, row in rows:
            for ports, allow, deny in row:
                for sources, unknown in ((allow & rest, False), (rest & ~(allow | deny), True)):
                    for source in members(sources):
                        at = self._own.setdefault(source, {})
                        at[ports, unknown] = at.get((ports, unknown), 0) | bit

    def of(self, source: int) -> tuple[Cut, ...]:
        """Ports and addresses."""
        if self._free >> source & 1:
            return self._everywhere
        return tuple(Cut(ports, bits, unknown) for (ports, unknown), bits in self._own.get(source, {}).items())


def _lowest(bits: int) -> int:
    return max(0, (bits & -bits).bit_length() - 1)
