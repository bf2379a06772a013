"""The four ways to ask for all or some of the sources, and all or some of the destinations."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import NamedTuple

from thwart.lib.bitsets import members, pack
from thwart.network.classes import HOST, OUTSIDE
from thwart.network.engine import Model
from thwart.network.intents._near import Nearness
from thwart.network.intents._ports import PortSets, Spans
from thwart.network.intents._rows import Row
from thwart.network.intents.ends import End, Ends
from thwart.network.intents.meaning import Claim
from thwart.network.intents.outcome import ANY_PAIR, DESTINATIONS, SOURCES, Example, Tally


class Table:
    """What all judges share."""

    def __init__(self, ends: Ends) -> None:
        self.ends = ends
        self.model: Model = ends.model
        self.ports = PortSets(self.model.ports)
        self.nearness = Nearness(self.model)
        size = len(self.model.classes)
        self.outside = pack((i for i, c in enumerate(self.model.classes) if c.what == OUTSIDE), size)
        self.hosts = pack((i for i, c in enumerate(self.model.classes) if c.what == HOST), size)

    @functools.cached_property
    def planes(self) -> list[int]:
        """How many members classes have that are one end each, none outside; see `_digits`."""
        sizes = enumerate(self.sizes[: self.ends.classes])
        return _digits({one: size for one, size in sizes if not self._special >> one & 1}, self.ends.classes)

    def first(self, bits: int) -> int:
        """The first class of a set; among addresses outside the one of those for examples, if it is there."""
        found = (bits & -bits).bit_length() - 1
        if self.outside >> found & 1:
            return next((one for one in self.ends.usual_classes if bits >> one & 1), found)
        return found

    def nicer(self, shown: End, destination: int) -> bool:
        """Whether a class outside makes a better example than the end outside that is shown."""
        known = self.ends.usual_classes
        return bool(shown.spans) and shown.number not in known and destination in known

    @functools.cached_property
    def sizes(self) -> list[int]:
        """How many there are in each end."""
        return [end.size for end in self.ends.ends]

    @functools.cached_property
    def singles(self) -> list[int]:
        """How many of each end have no flow to themselves."""
        return [end.singles for end in self.ends.ends]

    def plain(self, number: int) -> bool:
        """Whether a class is one end, and not outside."""
        return not (self._special >> number & 1)

    @functools.cached_property
    def _special(self) -> int:
        return self.ends.split | self.outside

    def total(self, numbers: Iterable[int]) -> int:
        """How many pods, nodes and outside ends there are in ends."""
        return sum(self.sizes[one] for one in numbers)


class Part(NamedTuple):
    """Destinations of one class at which the ports mean the same."""

    spans: Spans
    mask: int
    there: list[int]


def judge_for(claim: Claim, table: Table) -> Judge:
    """Who asks a claim."""
    if claim.some_source and claim.some_destination:
        return SomePair(claim, table)
    if claim.some_destination:
        return EachSource(claim, table)
    if claim.some_source:
        return EachDestination(claim, table)
    return EveryPair(claim, table)


class Judge:
    """Looks at the row of every class that holds a destination, in order."""

    def __init__(self, claim: Claim, table: Table) -> None:
        self.claim = claim
        self._table = table
        self._ends = table.ends
        self._sources = claim.source_classes
        self._made = Tally(claim)
        self._outside_counted: set[bool] = set()
        ports = claim.ports or ()
        self._fixed: tuple[Spans, int] | None = None
        if not any(port.name for port in ports):
            spans = table.ports.spans(claim.ports, self._ends.ends[0], beside=claim.beside)
            self._fixed = spans, table.ports.mask(spans)

    def look(self, destination: int, row: Row) -> None:
        """Take in one row."""
        sources = self._sources
        if self._table.outside >> destination & 1:
            sources &= ~self._table.outside  # between two addresses outside there is nothing to say
        if sources:
            for part in self._parts(destination):
                self._take(destination, row, part, sources)

    def tally(self) -> Tally:
        """The outcome, when every row was looked at."""
        return self._made

    def _take(self, destination: int, row: Row, part: Part, sources: int) -> None:
        raise NotImplementedError

    def _parts(self, destination: int) -> list[Part]:
        there = self._ends.of_class(destination, self.claim.destinations)
        if self._fixed is not None:
            return [Part(*self._fixed, there)] if self._fixed[0] else []
        found: dict[Spans, list[int]] = {}
        for one in there:
            spans = self._table.ports.spans(self.claim.ports, self._ends.ends[one], beside=self.claim.beside)
            found.setdefault(spans, []).append(one)
        return [Part(spans, self._table.ports.mask(spans), some) for spans, some in found.items() if spans]

    def _of(self, number: int) -> list[int]:
        """The sources in a class."""
        return self._ends.of_class(number, self.claim.sources)

    def _met(self, one: int, others: list[int]) -> bool:
        """Whether each of an end has a flow with one of other ends of its class: a single pod has none with itself."""
        return bool(others) and (one not in others or not self._table.singles[one] or self._table.total(others) > 1)

    def _pairs_inside(self, number: int, there: list[int]) -> int:
        """The flows of a class to itself."""
        here = self._of(number)
        same = sum(self._table.singles[one] for one in here if one in there)
        return self._table.total(here) * self._table.total(there) - same

    def _add(self, one: int, *, maybe: bool) -> None:
        """Count an end that lacks a partner; all addresses outside are one."""
        made, outside = self._made, bool(self._ends.ends[one].spans)
        size = 0 if outside and maybe in self._outside_counted else self._table.sizes[one]
        if outside:
            self._outside_counted.add(maybe)
        if maybe:
            made.doubtful += size
        else:
            made.broken += size

    def _example(self, source: int, part: Part, pieces: int) -> Example | None:
        """A flow between two classes; None where a pod could only meet itself."""
        usual = self._ends.usual
        for left in sorted(self._of(source), key=lambda one: one not in usual):
            for right in sorted(part.there, key=lambda one: one not in usual):
                end = self._ends.ends[left]
                if left != right or end.size > 1 or not end.singles:
                    return Example(end, self._ends.ends[right], pieces, part.spans)
        return None


class EveryPair(Judge):
    """All sources, all destinations."""

    def __init__(self, claim: Claim, table: Table) -> None:
        super().__init__(claim, table)
        self._planes: list[int] | None = None
        self._weighed = 0, 0  # destinations that follow each other have the same sources as a rule
        self._certain = False  # whether a pair was met that breaks the claim for certain
        self._out = {True: 0, False: 0}  # sources of flows to addresses outside, which are one destination
        self._forgivable = 0 if claim.must else table.hosts & ~self._ends.lift(claim.explicit & claim.sources)

    def look(self, destination: int, row: Row) -> None:
        """See `Judge`; nearly every row ends here at once."""
        if self._fixed is None:
            super().look(destination, row)
            return
        unsure, certain = row.short(self._fixed[1], self.claim)
        short = self._sources & unsure
        if not short:
            return
        if (
            short & certain != short  # some of it is not known
            or not self._certain  # the first is looked at closely
            or short & self._forgivable
            or not self._table.plain(destination)
        ):
            super().look(destination, row)
            return
        size, own = self._table.sizes[destination], short >> destination & 1
        pairs = self._weight(short ^ (1 << destination) if own else short) * size
        self._made.broken += pairs + (size * size - self._table.singles[destination] if own else 0)

    def _take(self, destination: int, row: Row, part: Part, sources: int) -> None:
        unsure, certain = row.short(part.mask, self.claim)
        short = sources & unsure
        if short >> destination & 1 and not self._pairs_inside(destination, part.there):
            short &= ~(1 << destination)
        near = short & self._forgivable
        if near:
            short &= ~self._table.nearness.forgiven(destination, near & ~certain, near & certain, part.mask)
        for bits, sure in ((short & certain, True), (short & ~certain, False)):
            if bits:
                self._count(destination, row, part, bits, sure=sure)

    def _count(self, destination: int, row: Row, part: Part, bits: int, *, sure: bool) -> None:
        made, table = self._made, self._table
        if (sure and not self._certain) or made.example is None or table.nicer(made.example.destination, destination):
            source = table.first(bits)
            pieces = row.pieces(part.mask, source, self.claim, sure=sure)
            made.example = self._example(source, part, pieces)
        self._certain |= sure
        if table.outside >> destination & 1:
            self._out[sure] |= bits
            return
        own = bits & (1 << destination)
        pairs = self._weight(bits ^ own) * table.total(part.there)
        pairs += self._pairs_inside(destination, part.there) if own else 0
        if sure:
            made.broken += pairs
        else:
            made.doubtful += pairs

    def tally(self) -> Tally:
        """See `Judge`."""
        self._made.broken += self._weight(self._out[True])
        self._made.doubtful += self._weight(self._out[False])
        return self._made

    def _weight(self, bits: int) -> int:
        """How many sources there are in classes; all addresses outside are one."""
        if bits == self._weighed[0]:
            return self._weighed[1]
        table, split = self._table, self._ends.split & ~self._table.outside
        found = _weighed(bits & ~split, table.planes) + bool(bits & table.outside)
        if bits & split:
            if self._planes is None:
                inside = split & self._sources
                counts = {one: table.total(self._of(one)) for one in members(inside)}
                self._planes = _digits(counts, self._ends.classes)
            found += _weighed(bits & split, self._planes)
        self._weighed = bits, found
        return found


def _digits(counts: dict[int, int], size: int) -> list[int]:
    """Numbers of members as binary digits: for each digit the classes whose number has it."""
    width = max(counts.values(), default=0).bit_length()
    return [pack((number for number, count in counts.items() if count >> digit & 1), size) for digit in range(width)]


def _weighed(bits: int, planes: list[int]) -> int:
    """The sum of the numbers of classes, digit by digit."""
    return sum((bits & plane).bit_count() << digit for digit, plane in enumerate(planes))


class EachDestination(Judge):
    """For every destination some source."""

    def _take(self, destination: int, row: Row, part: Part, sources: int) -> None:
        self._made.unit = DESTINATIONS
        unsure, certain = row.short(part.mask, self.claim)
        others, own = sources & ~(1 << destination), sources >> destination & 1
        inside = self._of(destination) if own else []
        if others & ~unsure:
            return
        for one in part.there:
            met = self._met(one, inside)
            if (met and not unsure >> destination & 1) or not (met or others):
                continue
            maybe = bool(others & ~certain) or (met and not certain >> destination & 1)
            self._note(destination, row, part, one, others, maybe=maybe)

    def _note(self, destination: int, row: Row, part: Part, one: int, others: int, *, maybe: bool) -> None:
        made = self._made
        if not (made.broken or (maybe and made.doubtful)):
            certain = row.short(part.mask, self.claim)[1]
            chosen = (others & ~certain if maybe else others) or 1 << destination
            source = (chosen & -chosen).bit_length() - 1
            pieces = row.pieces(part.mask, source, self.claim, sure=not maybe)
            made.example = self._example(source, part._replace(there=[one]), pieces)
        self._add(one, maybe=maybe)


class SomePair(Judge):
    """One pair is enough."""

    def __init__(self, claim: Claim, table: Table) -> None:
        super().__init__(claim, table)
        self._made.unit = ANY_PAIR
        self._held = self._maybe = self._asked = False

    def _take(self, destination: int, row: Row, part: Part, sources: int) -> None:
        if sources >> destination & 1 and not self._pairs_inside(destination, part.there):
            sources &= ~(1 << destination)
        unsure, certain = row.short(part.mask, self.claim)
        self._held |= bool(sources & ~unsure)
        maybe = sources & ~certain
        if sources and (not self._asked or (maybe and not self._maybe)):
            chosen = maybe or sources
            source = (chosen & -chosen).bit_length() - 1
            pieces = row.pieces(part.mask, source, self.claim, sure=not maybe)
            self._made.example = self._example(source, part, pieces)
        self._asked |= bool(sources)
        self._maybe |= bool(maybe)

    def tally(self) -> Tally:
        """See `Judge`."""
        if self._asked and not self._held:
            if self._maybe:
                self._made.doubtful = 1
            else:
                self._made.broken = 1
        else:
            self._made.example = None
        return self._made


class _Inside(NamedTuple):
    """What a class of destinations offers to sources of the same class."""

    there: list[int]
    sure: bool
    maybe: bool


class EachSource(Judge):
    """For every source some destination."""

    def __init__(self, claim: Claim, table: Table) -> None:
        super().__init__(claim, table)
        self._made.unit = SOURCES
        self._met_by = self._reached = self._maybe = 0
        self._inside: dict[int, list[_Inside]] = {}

    def _take(self, destination: int, row: Row, part: Part, sources: int) -> None:
        unsure, certain = row.short(part.mask, self.claim)
        if sources >> destination & 1:
            sure, maybe = not unsure >> destination & 1, not certain >> destination & 1
            self._inside.setdefault(destination, []).append(_Inside(part.there, sure, maybe))
            sources &= ~(1 << destination)
        self._met_by |= sources
        self._reached |= sources & ~unsure
        self._maybe |= sources & ~certain

    def tally(self) -> Tally:
        """See `Judge`."""
        for number in members(self._sources & ~self._reached):
            inside = self._inside.get(number, [])
            for one in self._of(number):
                met = [offer for offer in inside if self._met(one, offer.there)]
                if any(offer.sure for offer in met) or not (met or self._met_by >> number & 1):
                    continue
                maybe = bool(self._maybe >> number & 1) or any(offer.maybe for offer in met)
                self._note(one, maybe=maybe)
        return self._made

    def _note(self, one: int, *, maybe: bool) -> None:
        made = self._made
        if not (made.broken or (maybe and made.doubtful)):
            made.example = self._partner(one, maybe=maybe) or made.example
        self._add(one, maybe=maybe)

    def _partner(self, one: int, *, maybe: bool) -> Example | None:
        """A flow of the source that fails: to the first destination, or the first of which it is not known."""
        source = self._ends.ends[one]
        for destination in members(self._ends.lift(self.claim.destinations)):
            if self._table.outside >> source.number & self._table.outside >> destination & 1:
                continue
            row = Row(self._table.model.row(destination), (1 << self._ends.classes) - 1)
            for part in self._parts(destination):
                there = part.there if source.number != destination else [o for o in part.there if self._met(one, [o])]
                certain = row.short(part.mask, self.claim)[1] >> source.number & 1
                if there and not (maybe and certain):
                    pieces = row.pieces(part.mask, source.number, self.claim, sure=not maybe)
                    return Example(source, self._ends.ends[there[0]], pieces, part.spans)
        return None
