"""The ports of an intent: spans of numbers at an end, and the pieces of the model's ports that they touch."""

from __future__ import annotations

from collections.abc import Sequence

from thwart.lib.intervals import Span, subtract, union
from thwart.network.intents.ends import End
from thwart.network.intents.form import Ports
from thwart.network.model import LAST_PORT, PROTOCOLS, PortMatch
from thwart.network.ports import Ports as Pieces

_USUAL = (("TCP", 443), ("TCP", 80))  # people know these
_WHOLE = Span(1, LAST_PORT)
Spans = tuple[tuple[str, Span], ...]


class PortSets:
    """What ports mean at ends of a model. A piece is touched when one of its ports is meant: all of it is alike."""

    def __init__(self, pieces: Pieces) -> None:
        self._pieces = pieces
        self._spans: dict[tuple[Ports, bool, frozenset[tuple[str, str, int]]], Spans] = {}
        self._masks: dict[Spans, int] = {}

    def spans(self, ports: Ports, end: End, *, beside: bool) -> Spans:
        """The numbers that are meant at an end; `beside` means all the others."""
        named = any(port.name for port in ports or ())
        key = (ports, beside, end.ports if named else frozenset())
        found = self._spans.get(key)
        if found is None:
            found = self._spans[key] = tuple(_spans(ports, end, beside))
        return found

    def mask(self, spans: Spans) -> int:
        """The pieces that the spans touch."""
        mask = self._masks.get(spans)
        if mask is None:
            mask = 0
            for protocol, (first, last) in spans:
                mask |= (self._pieces.bit(protocol, last) << 1) - self._pieces.bit(protocol, first)
            self._masks[spans] = mask
        return mask

    def example(self, spans: Spans, pieces: int, usual: Sequence[tuple[str, int]] = ()) -> tuple[str, int]:
        """One port of the spans that lies in one of the pieces: a usual one if it can be, else the lowest."""
        found = [
            (protocol, Span(max(span.first, piece.first), min(span.last, piece.last)))
            for protocol, span in spans
            for other, piece in self._pieces.spans(pieces)
            if other == protocol and span.first <= piece.last and piece.first <= span.last
        ]
        for protocol, number in (*usual, *_USUAL):
            if any(protocol == other and first <= number <= last for other, (first, last) in found):
                return protocol, number
        return found[0][0], found[0][1].first


def _spans(ports: Ports, end: End, beside: bool) -> list[tuple[str, Span]]:
    meant: dict[str, list[Span]] = {protocol: [] for protocol in PROTOCOLS}
    for port in (PortMatch(""),) if ports is None else ports:
        if port.name:
            for name, protocol, number in end.ports:
                if name == port.name and port.protocol in ("", protocol):
                    meant[protocol].append(Span(number, number))
        else:
            for protocol in (port.protocol,) if port.protocol else PROTOCOLS:
                meant[protocol].append(Span(port.first, port.last))
    if beside:
        return [(protocol, span) for protocol, spans in meant.items() for span in subtract(_WHOLE, spans)]
    return [(protocol, span) for protocol, spans in meant.items() for span in union(spans)]
