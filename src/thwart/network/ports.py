"""Ports of all protocols, cut at the bounds in use: a set of ports is one integer."""

from __future__ import annotations

import copy
from collections.abc import Iterable

from thwart.lib.bitsets import members
from thwart.lib.intervals import Cuts, Span, union
from thwart.network.classes import Class
from thwart.network.model import LAST_PORT, PROTOCOLS, Policy, PortMatch

_WHOLE = Span(1, LAST_PORT)


class Ports:
    """Pieces of the ports of every protocol that no rule tells apart, as bits of one mask."""

    def __init__(self, policies: Iterable[Policy], classes: Iterable[Class]) -> None:
        self._spans: dict[str, set[Span]] = {protocol: set() for protocol in PROTOCOLS}
        self._take(policies)
        for one in classes:
            for _, protocol, number in one.ports:
                self._spans[protocol].add(Span(number, number))
        self._cut()

    def _take(self, policies: Iterable[Policy]) -> None:
        for policy in policies:
            for rule in (*policy.ingress, *policy.egress):
                for port in rule.ports or ():
                    if not port.name:
                        self._spans[port.protocol].add(Span(port.first, port.last))

    def _cut(self) -> None:
        self._cuts = {protocol: Cuts(_WHOLE, found) for protocol, found in self._spans.items()}
        self._shift: dict[str, int] = {}
        self.size = 0
        for protocol, cuts in self._cuts.items():
            self._shift[protocol] = self.size
            self.size += len(cuts)
        self.all = (1 << self.size) - 1
        self._masks: dict[tuple[tuple[PortMatch, ...], frozenset[tuple[str, str, int]]], int] = {}

    def cut_for(self, policies: Iterable[Policy]) -> Ports:
        """Ports that are cut at the bounds that these policies name, too; the same where none is new."""
        made = copy.copy(self)
        made.add(policies)
        return self if made.size == self.size else made

    def add(self, policies: Iterable[Policy]) -> None:
        """Cut at more bounds. Masks that were given out mean nothing after it."""
        self._spans = {protocol: set(found) for protocol, found in self._spans.items()}
        self._take(policies)
        self._cut()

    def translation(self, finer: Ports) -> list[int]:
        """For each piece the mask of the pieces that others have in its place."""
        return [finer.spans_mask(self.spans(1 << number)) for number in range(self.size)]

    def spans_mask(self, spans: Iterable[tuple[str, Span]]) -> int:
        """The pieces of spans whose bounds are cuts."""
        mask = 0
        for protocol, span in spans:
            mask |= self._cuts[protocol].mask(span) << self._shift[protocol]
        return mask

    def bit(self, protocol: str, number: int) -> int:
        """The piece that one port lies in, as a mask."""
        return 1 << (self._shift[protocol] + self._cuts[protocol].atom(number))

    def whole(self, protocol: str) -> int:
        """All ports of a protocol."""
        return ((1 << len(self._cuts[protocol])) - 1) << self._shift[protocol]

    def mask(self, ports: tuple[PortMatch, ...] | None, destination: Class) -> int:
        """What a rule's ports mean at a destination: names are looked up among its container ports."""
        if ports is None:
            return self.all
        key = (ports, destination.ports)
        mask = self._masks.get(key)
        if mask is None:
            mask = 0
            for port in ports:
                mask |= self._named(port, destination) if port.name else self._span(port)
            self._masks[key] = mask
        return mask

    def _span(self, port: PortMatch) -> int:
        return self.spans_mask([(port.protocol, Span(port.first, port.last))])

    def _named(self, port: PortMatch, destination: Class) -> int:
        mask = 0
        for name, protocol, number in destination.ports:
            if name == port.name and port.protocol in ("", protocol):
                mask |= self.bit(protocol, number)
        return mask

    def spans(self, mask: int) -> list[tuple[str, Span]]:
        """The ports of a mask, as the fewest spans of each protocol."""
        found = []
        for protocol, cuts in self._cuts.items():
            part = (mask & self.whole(protocol)) >> self._shift[protocol]
            found += [(protocol, span) for span in union(cuts.span(atom) for atom in members(part))]
        return found

    def describe(self, mask: int) -> str:
        """A mask in words: `TCP 80, 8000-8080; UDP any`."""
        if mask == self.all:
            return "any"
        words: dict[str, list[str]] = {}
        for protocol, (first, last) in self.spans(mask):
            whole = (first, last) == _WHOLE
            words.setdefault(protocol, []).append(
                "any" if whole else str(first) if first == last else f"{first}-{last}"
            )
        return "; ".join(f"{protocol} {', '.join(found)}" for protocol, found in words.items()) or "none"
