"""Services as clients meet them: where a connection ends, with the port that policies see there."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from msgspec.structs import replace

from thwart.lib.bitsets import members
from thwart.lib.intervals import Address
from thwart.network._services_controllers import Carriers
from thwart.network._services_nouns import EXTERNAL_NAME, Route, Service, ServicePort
from thwart.network.engine import Model
from thwart.network.explain import Directory
from thwart.network.model import Endpoint, World
from thwart.network.services import Services
from thwart.network.synthesis.lens import lens_of

Target = tuple[Endpoint | Address, int]


class Backends:
    """What stands behind the services of a world. Nothing is worked out before it is asked for."""

    def __init__(self, world: World) -> None:
        self._world = world

    @cached_property
    def _model(self) -> Model:
        # classes that every label tells apart: one class is never two kinds of pods
        return Model(replace(self._world, policies=(lens_of(self._world.endpoints),), unmodelled=()))

    @cached_property
    def _services(self) -> Services:
        return Services(self._model, Directory(self._model))

    @cached_property
    def _carriers(self) -> Carriers:
        return Carriers(self._model)

    @property
    def namespaces(self) -> frozenset[str]:
        """Every namespace that is met."""
        return frozenset(self._world.namespaces) | {one.namespace for one in self._world.doors.services}

    def get(self, namespace: str, name: str) -> Service | None:
        """A service by its name."""
        return self._services.get(namespace, name) if self._world.doors.services else None

    def addresses(self) -> Iterator[tuple[Address, tuple[str, str]]]:
        """Addresses that stand for a service until a node replaces them."""
        for one in self._world.doors.services:
            for address in (*one.addresses, *one.external):
                yield address, (one.namespace, one.name)

    def behind(self, namespace: str, name: str, protocol: str, number: int) -> list[Target]:
        """Where a connection to a port of a service ends; nothing where there is no such service or port."""
        service = self.get(namespace, name)
        port = self._services.port(service, protocol, number) if service is not None else None
        return self.through(service, port) if service is not None and port is not None else []

    def through(self, service: Service, port: ServicePort) -> list[Target]:
        """Where connections through one port of a service end."""
        if service.type == EXTERNAL_NAME:
            return []
        found: list[Target] = []
        for aim in self._services.behind(service, port).aims:
            if aim.endpoints:
                found += [(endpoint, aim.port) for endpoint in aim.endpoints]
            elif aim.address is not None:
                found.append((aim.address, aim.port))
        return found

    def carriers(self, route: Route) -> list[Endpoint]:
        """The pods that carry out a route, where they were read."""
        if route.kind == "Ingress":
            bits = self._carriers.of_ingress(route).bits
        elif route.kind == "Route":
            bits = self._carriers.of_route().bits
        else:
            bits = 0
            parents = {(parent.namespace, parent.name) for parent in route.parents if parent.kind == "Gateway"}
            for gateway in self._world.doors.gateways:
                if (gateway.namespace, gateway.name) in parents:
                    bits |= self._carriers.of_gateway(gateway).bits
        return [endpoint for number in members(bits) for endpoint in self._model.classes[number].members]
