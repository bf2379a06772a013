"""Ports of all protocols, cut at the bounds in use: a set of ports is one integer."""

from __future__ import annotations

from collections.abc import Iterable

from thwart.lib.bitsets import members
from thwart.lib.intervals import Cuts, Span, union
from thwart.network.classes import Class
from thwart.network.model import LAST_PORT, PROTOCOLS, Policy, PortMatch

_WHOLE = Span(1, LAST_PORT)


class Ports:
    """Pieces of the ports of every protocol that no rule tells apart, as bits of one mask."""

    def __init__(self, policies: Iterable[Policy], classes: Iterable[Class]) -> None:
        spans: dict[str, set[Span]] = {protocol: set() for protocol in PROTOCOLS}
        for policy in policies:
            for rule in (*policy.ingress, *policy.egress):
                for port in rule.ports or ():
                    if not port.name:
                        spans[port.protocol].add(Span(port.first, port.last))
        for one in classes:
            for _, protocol, number in one.ports:
                spans[protocol].add(Span(number, number))
        self._cuts = {protocol: Cuts(_WHOLE, found) for protocol, found in spans.items()}
        self._shift: dict[str, int] = {}
        self.size = 0
        for protocol, cuts in self._cuts.items():
            self._shift[protocol] = self.size
            self.size += len(cuts)
        self.all = (1 << self.size) - 1
        self._masks: dict[tuple[tuple[PortMatch, ...], frozenset[tuple[str, str, int]]], int] = {}

    def tells(self, policies: Iterable[Policy]) -> bool:
        """Whether these policies name no bound of ports that is not cut already."""
        rules = (rule for policy in policies for rule in (*policy.ingress, *policy.egress))
        ports = {port for rule in rules for port in rule.ports or () if not port.name}
        return all(self._cuts[port.protocol].bounds(Span(port.first, port.last)) for port in ports)

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
        return self._cuts[port.protocol].mask(Span(port.first, port.last)) << self._shift[port.protocol]

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
