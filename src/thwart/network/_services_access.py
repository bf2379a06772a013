"""Who of outside, of nodes, of controllers and of strangers reaches a class on one piece of the ports."""

from __future__ import annotations

from thwart.lib.bitsets import members, pack
from thwart.network._services_addresses import Addresses, of_classes
from thwart.network._services_strangers import Strangers
from thwart.network.classes import HOST, Class
from thwart.network.engine import Model
from thwart.network.model import Endpoint
from thwart.network.sides import Cell

_KEPT = 256  # rows: of a large world one takes tens of kilobytes


class Access:
    """Rows of a model, and of the same with strangers.

    Both cut ports at the same bounds, as strangers declare none, so that a piece is the same bit in both.
    """

    def __init__(self, model: Model, strangers: Strangers) -> None:
        self._model = model
        self._strangers = strangers
        self.classes: list[Class] = model.classes
        self._index = model.planes[4].index
        self._rows: dict[tuple[int, int], list[Cell]] = {}
        self._strange: dict[int, list[Cell]] = {}
        self._spans: dict[tuple[int, int], Addresses] = {}
        self._stated = any(node.stated for node in model.world.nodes)
        self._nodes = {version: self._could_be_nodes(version) for version in (4, 6)}

    def _could_be_nodes(self, version: int) -> int:
        """The classes that a node's address of a family may lie in: without the nodes' documents, any."""
        bits = self._index.hosts if self._stated else self._index.hosts | self._index.outside
        return pack((n for n in members(bits) if self.has(n, version)), len(self.classes))

    def bit(self, protocol: str, port: int) -> int:
        """The piece of the ports that one lies in."""
        return self._model.ports.bit(protocol, port)

    def class_of(self, endpoint: Endpoint) -> int:
        """The class of an endpoint."""
        return self._model.partition.of_endpoint[id(endpoint)]

    def is_host(self, number: int) -> bool:
        """Whether a class is a node, or pods in its network."""
        return self.classes[number].what == HOST

    def has(self, number: int, version: int) -> bool:
        """Whether a class has addresses of a family, or may have."""
        return version in (self.classes[number].families or (4, 6))

    def _decided(self, number: int, bit: int, version: int) -> tuple[int, int]:
        """The classes that reach this one, and those that do not."""
        family = version if version in self._model.planes else 4
        row = self._rows.get((number, family))
        if row is None:
            if len(self._rows) > _KEPT:
                self._rows.clear()
            row = self._rows[number, family] = self._model.planes[family].row(number)
        return next(((allow, deny) for ports, allow, deny in row if ports & bit), (0, 0))

    def allowed(self, number: int, bit: int, version: int) -> Addresses:
        """The addresses outside that reach a class."""
        if not self.has(number, version):
            return ()
        allow, _ = self._decided(number, bit, version)
        return self._addresses(allow & self._index.outside, version)

    def doubtful(self, number: int, bit: int, version: int) -> Addresses:
        """The addresses outside of which it is not known."""
        if not self.has(number, version):
            return ()
        allow, deny = self._decided(number, bit, version)
        return self._addresses(self._index.outside & ~(allow | deny), version)

    def _addresses(self, bits: int, version: int) -> Addresses:
        found = self._spans.get((bits, version))
        if found is None:
            found = self._spans[bits, version] = of_classes(self.classes, bits, (version,))
        return found

    def from_nodes(self, number: int, bit: int, version: int) -> bool | None:
        """Whether every node reaches a class (True), none (False), or nobody can tell.

        Without the nodes' documents a node may have any address; and one of them is the pod's own, which
        NetworkPolicy never stops, so that the answer is never False then.
        """
        allow, deny = self._decided(number, bit, version)
        candidates = self._nodes[version]
        if candidates and candidates & allow == candidates:
            return True
        return False if self._stated and candidates & deny == candidates else None

    def from_carrier(self, number: int, bit: int, carriers: int) -> bool | None:
        """Whether the pods of a controller reach a class; where they are not known, whether any pod does."""
        if not carriers:
            mapped = self._strangers.numbers[number]
            return True if self.strange(mapped, bit)[0] >> self._strangers.anyone & 1 else None
        found: list[bool | None] = []
        for version in self._model.planes:
            if self.has(number, version):
                allow, deny = self._decided(number, bit, version)
                found.append(True if allow & carriers else False if deny & carriers == carriers else None)
        return True if True in found else None if None in found else False

    def strange(self, number: int, bit: int) -> tuple[int, int]:
        """The classes that reach one of the model with strangers, and those that do not."""
        return next(((allow, deny) for ports, allow, deny in self.strange_row(number) if ports & bit), (0, 0))

    def strange_row(self, number: int) -> list[Cell]:
        """A row of the model with strangers."""
        row = self._strange.get(number)
        if row is None:
            if len(self._strange) > _KEPT:
                self._strange.clear()
            row = self._strange[number] = self._strangers.model.row(number)
        return row
