"""Routes followed to services: what they hang on, what they may refer to, and what is wrong with them.

Source: sigs.k8s.io/gateway-api apis/v1 (AllowedRoutes, ParentReference, BackendRef) and GEP-709 (references across namespaces).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from thwart.core.finding import Diagnostic
from thwart.network._services_controllers import Carrier, Carriers
from thwart.network._services_gateway import GROUP
from thwart.network._services_nouns import Backend, Gateway, Listener, Parent, Route, Service, ServicePort
from thwart.network.model import Origin, Pointer, World
from thwart.network.selectors import matches
from thwart.network.services import Services

MESH = "Service.core"  # a parent that makes a rule of a mesh, inside the cluster


class Led(NamedTuple):
    """A port of a service that a route leads to, and who carries the traffic there."""

    route: Route
    service: Service
    ports: tuple[ServicePort, ...]
    carrier: Carrier
    pointer: Pointer


def problem(
    slug: str, message: str, origin: Origin, pointer: Pointer, hint: str = "", *, incomplete: bool = False
) -> Diagnostic:
    """Something that is wrong with a document, at its place."""
    line = origin.line(pointer)
    path = f"{origin.path}:{line}" if line else origin.path
    return Diagnostic(slug=slug, message=message, path=path, hint=hint, incomplete=incomplete)


class Routes:
    """Follows routes."""

    def __init__(self, world: World, services: Services, carriers: Carriers) -> None:
        self._world = world
        self._services = services
        self._carriers = carriers
        self._gateways = {(one.namespace, one.name): one for one in world.doors.gateways}
        self._grants: dict[str, list[tuple[frozenset[tuple[str, str, str]], frozenset[tuple[str, str, str]]]]] = {}
        for grant in world.doors.grants:
            self._grants.setdefault(grant.namespace, []).append((grant.from_, grant.to))

    def follow(self) -> Iterator[Led | Diagnostic]:
        """Every backend of every route, or what is wrong with it."""
        for route in self._world.doors.routes:
            carriers: dict[Carrier, None] = {}
            for found in self._carried_by(route):
                if isinstance(found, Diagnostic):
                    yield found
                else:
                    carriers[found] = None
            if carriers:
                yield from self._backends(route, carriers)

    def _carried_by(self, route: Route) -> Iterator[Carrier | Diagnostic]:
        if route.kind == "Ingress":
            yield self._carriers.of_ingress(route)
        elif route.kind == "Route":
            yield self._carriers.of_route()
        else:
            parents = [parent for parent in route.parents if parent.kind != MESH]
            if not route.parents:
                yield problem(
                    "route-not-attached", f"{route.what} names no parent: it gets no traffic", route.origin, ("spec",)
                )
            for parent in parents:
                yield self._parent(route, parent)

    def _parent(self, route: Route, parent: Parent) -> Carrier | Diagnostic:
        gateway = self._gateways.get((parent.namespace, parent.name)) if parent.kind == "Gateway" else None
        if gateway is None:
            return Carrier(f"{parent.kind} {parent.namespace}/{parent.name}, which was not read")
        why = self._unattached(route, parent, gateway)
        if why:
            message = f"{route.what} is not attached to {gateway.what}: {why}"
            return problem("route-not-attached", message, route.origin, parent.pointer)
        return self._carriers.of_gateway(gateway)

    def _unattached(self, route: Route, parent: Parent, gateway: Gateway) -> str:
        """Why no listener takes a route; empty when one does, or may."""
        named = [one for one in gateway.listeners if parent.section in ("", one.name) and parent.port in (0, one.port)]
        if not named:
            return "it has no such listener"
        fitting = [one for one in named if route.kind in one.kinds]
        if not fitting:
            return f"its listener does not carry {route.kind}s"
        if not any(self._lets_in(one, gateway, route.namespace) for one in fitting):
            return f"its listener lets in no routes of namespace {route.namespace}"
        return ""

    def _lets_in(self, listener: Listener, gateway: Gateway, namespace: str) -> bool:
        if listener.from_ == "Selector":
            found = self._world.namespaces.get(namespace)
            # the labels of a namespace without a document are not known
            return found is None or not found.stated or matches(listener.namespaces, found.labels)
        return listener.from_ == "All" or (listener.from_ == "Same" and gateway.namespace == namespace)

    def _backends(self, route: Route, carriers: Iterable[Carrier]) -> Iterator[Led | Diagnostic]:
        for backend in dict.fromkeys(route.backends):
            found = self._backend(route, backend)
            if isinstance(found, Diagnostic):
                yield found
            else:
                service, ports = found
                for carrier in carriers:
                    yield Led(route, service, ports, carrier, backend.pointer)

    def _backend(self, route: Route, backend: Backend) -> tuple[Service, tuple[ServicePort, ...]] | Diagnostic:
        origin, pointer = route.origin, backend.pointer
        name = f"{backend.namespace}/{backend.name}"
        if backend.kind:
            message = (
                f"{route.what} leads to {backend.kind} {name}, which is not a Service: what is behind it is not known"
            )
            return problem("backend-not-modelled", message, origin, pointer, incomplete=True)
        if backend.namespace != route.namespace and not self._granted(route, backend):
            hint = f"add a ReferenceGrant in namespace {backend.namespace} from {route.kind}s of {route.namespace}"
            message = f"{route.what} refers to Service {name} of another namespace without a grant: it gets no traffic"
            return problem("grant-missing", message, origin, pointer, hint)
        service = self._services.get(backend.namespace, backend.name)
        if service is None:
            message = f"{route.what} leads to Service {name}, which was not read"
            return problem("backend-missing", message, origin, pointer)
        ports = self._ports(service, backend)
        if not ports:
            message = f"{route.what} leads to port {backend.port} of {service.what}, which it does not have"
            return problem("backend-port-missing", message, origin, pointer)
        return service, ports

    def _granted(self, route: Route, backend: Backend) -> bool:
        who = GROUP, route.kind, route.namespace
        return any(
            who in from_ and (("", "Service", "") in to or ("", "Service", backend.name) in to)
            for from_, to in self._grants.get(backend.namespace, ())
        )

    def _ports(self, service: Service, backend: Backend) -> tuple[ServicePort, ...]:
        """The ports of the service that are meant; of an OpenShift Route a number is one of the pods."""
        wanted = backend.port
        if wanted is None:
            return service.ports
        if isinstance(wanted, str):
            return tuple(port for port in service.ports if port.name == wanted)
        if not backend.of_pods:
            return tuple(port for port in service.ports if port.number == wanted)
        return tuple(
            port
            for port in service.ports
            if port.target == wanted
            or (
                isinstance(port.target, str)
                and any(a.port == wanted for a in self._services.behind(service, port).aims)
            )
        )
