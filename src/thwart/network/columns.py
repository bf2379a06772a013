"""What a rule's ports mean at every destination at once, for questions that are asked from a source."""

from __future__ import annotations

from thwart.lib.bitsets import pack
from thwart.network.classes import Class
from thwart.network.model import PortMatch
from thwart.network.ports import Ports
from thwart.network.sides import Applied, Entries


class Places:
    """Destinations by what the names of ports mean there."""

    def __init__(self, classes: list[Class], ports: Ports) -> None:
        self._ports = ports
        self._everyone = (1 << len(classes)) - 1
        self._classes = classes
        alike: dict[frozenset[tuple[str, str, int]], list[int]] = {}
        for number, one in enumerate(classes):
            alike.setdefault(one.ports, []).append(number)
        self._alike = [(found[0], pack(found, len(classes))) for found in alike.values()]
        self._known: dict[tuple[PortMatch, ...] | None, list[tuple[int, int]]] = {}

    def _masks(self, ports: tuple[PortMatch, ...] | None) -> list[tuple[int, int]]:
        """Masks of ports, each with the destinations at which the ports mean it."""
        found = self._known.get(ports)
        if found is None:
            found = self._known[ports] = self._masks_of(ports)
        return found

    def _masks_of(self, ports: tuple[PortMatch, ...] | None) -> list[tuple[int, int]]:
        if not any(port.name for port in ports or ()):
            return [(self._ports.mask(ports, self._classes[0]), self._everyone)]
        found: dict[int, int] = {}
        for example, bits in self._alike:
            mask = self._ports.mask(ports, self._classes[example])
            found[mask] = found.get(mask, 0) | bits
        return list(found.items())

    def add(self, entries: Entries, applied: Applied, sure: int, perhaps: int) -> None:
        """Add a rule to a side whose sets are of destinations."""
        for mask, bits in self._masks(applied.rule.ports):
            if bits == self._everyone:
                entries.add(applied, mask, sure, perhaps)
            elif mask and (sure | perhaps) & bits:
                entries.add(applied, mask, sure & bits, perhaps & bits)
