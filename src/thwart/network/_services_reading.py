"""Objects that lead traffic to pods, sorted while a world is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import msgspec

from thwart.core.finding import Diagnostic
from thwart.core.limits import DEFAULT, Limits
from thwart.network import _services_core as core
from thwart.network import _services_gateway as gateways
from thwart.network import _services_ingress as ingresses
from thwart.network._services_bodies import Bodies
from thwart.network._services_nouns import (
    Controller,
    Doors,
    Gateway,
    Grant,
    HostPort,
    Route,
    Service,
    Slice,
)
from thwart.network.documents import Item
from thwart.network.kinds._parts import protocol
from thwart.network.model import Endpoint
from thwart.network.selectors import Invalid

Made = Service | tuple[Slice, ...] | Route | Gateway | Grant | Controller
_Read = Callable[[Item, Bodies], Made]

_GATEWAY = ("v1", "v1beta1", "v1alpha2", "v1alpha3")
_KINDS: dict[tuple[str, str], tuple[_Read, tuple[str, ...]]] = {
    ("", "Service"): (core.service, ("v1",)),
    ("", "Endpoints"): (core.endpoints, ("v1",)),
    ("discovery.k8s.io", "EndpointSlice"): (core.endpoint_slice, ("v1", "v1beta1")),
    ("networking.k8s.io", "Ingress"): (ingresses.ingress, ("v1",)),
    ("networking.k8s.io", "IngressClass"): (ingresses.ingress_class, ("v1",)),
    ("route.openshift.io", "Route"): (ingresses.openshift_route, ("v1",)),
    (gateways.GROUP, "Gateway"): (gateways.gateway, _GATEWAY),
    (gateways.GROUP, "GatewayClass"): (gateways.gateway_class, _GATEWAY),
    (gateways.GROUP, "ReferenceGrant"): (gateways.grant, _GATEWAY),
    **{(gateways.GROUP, kind): (gateways.route, _GATEWAY) for kind in gateways.ROUTES},
}
_NOT_MODELLED = {
    "extensions": {"Ingress"},
    gateways.GROUP: {"ListenerSet", "XListenerSet"},
    "gateway.networking.x-k8s.io": {"XListenerSet"},
    "networking.istio.io": {"Gateway", "VirtualService", "ServiceEntry"},
    "traefik.io": {"IngressRoute", "IngressRouteTCP", "IngressRouteUDP"},
    "traefik.containo.us": {"IngressRoute", "IngressRouteTCP", "IngressRouteUDP"},
    "projectcontour.io": {"HTTPProxy"},
    "k8s.nginx.org": {"VirtualServer", "VirtualServerRoute", "TransportServer"},
    "configuration.konghq.com": {"TCPIngress", "UDPIngress"},
    "getambassador.io": {"Mapping", "TCPMapping", "Listener"},
    "serving.knative.dev": {"Service", "Route"},
}
_PARTS = {
    "Service": "services",
    "Route": "routes",
    "Gateway": "gateways",
    "Grant": "grants",
    "Controller": "controllers",
}


class Gatherer:
    """Takes the objects of one file after another."""

    def __init__(self, limits: Limits = DEFAULT) -> None:
        self._limits = limits
        self._bodies = Bodies()
        self._made: dict[str, list[Made]] = {part: [] for part in _PARTS.values()}
        self._slices: list[Slice] = []
        self._host_ports: list[HostPort] = []
        self._problems: list[Diagnostic] = []
        self._publishes = False

    def begin(self, data: bytes) -> None:
        """Another file begins."""
        self._bodies = Bodies(data, self._limits)
        # a port on the node is rare: most files need no second look at their pods. A key can be written with escapes.
        escaped = b"\\" in data and any(mark in data for mark in (b"\\u", b"\\x", b"\\U"))
        self._publishes = escaped or any(mark in data for mark in (b"hostPort", b"\0"))

    def step(self) -> None:
        """Another object of the file begins."""
        self._bodies.met += 1

    def wants(self, item: Item) -> bool:
        """Whether an object is one of these; notes those that it ought to read and cannot."""
        group, _, version = item.api.rpartition("/")
        known = _KINDS.get((group, item.kind))
        if known is not None and version in known[1]:
            return True
        if known is not None or item.kind in _NOT_MODELLED.get(group, ()):
            message = f"{item.what} ({item.api}) is not modelled: what it lets in is not in this answer"
            line = item.origin.line(())
            path = f"{item.origin.path}:{line}" if line else item.origin.path
            self._problems.append(Diagnostic(slug="door-not-modelled", message=message, path=path))
        return False

    def decode(self, item: Item) -> tuple[Made, object]:
        """An object that is wanted, and something that is equal for equal ones.

        Raises:
            Invalid: the API server would refuse it.
        """
        read, _ = _KINDS[item.api.rpartition("/")[0], item.kind]
        made = read(item, self._bodies)
        return made, made if isinstance(made, tuple) else item.content

    def add(self, made: Made) -> None:
        """Keep what was decoded."""
        if isinstance(made, Service | Route | Gateway | Grant | Controller):
            self._made[_PARTS[type(made).__name__]].append(made)
        else:
            self._slices += made

    def published(self, item: Item, endpoint: Endpoint) -> None:
        """Look for ports that the nodes of a pod or workload publish."""
        if self._publishes and not endpoint.host_network:
            pointer, spec = _pod_spec(item)
            self._host_ports += _host_ports(spec, endpoint, pointer)

    def doors(self, endpoints: Iterable[Endpoint]) -> Doors:
        """Everything, in an order that does not hang on the order of files."""
        standing = {id(endpoint) for endpoint in endpoints}
        made = self._made
        return Doors(
            services=tuple(sorted((o for o in made["services"] if isinstance(o, Service)), key=_place)),
            slices=tuple(sorted(self._slices, key=lambda s: (s.namespace, s.service, s.addresses, str(s.ports)))),
            routes=tuple(sorted((o for o in made["routes"] if isinstance(o, Route)), key=_kind_and_place)),
            gateways=tuple(sorted((o for o in made["gateways"] if isinstance(o, Gateway)), key=_place)),
            grants=tuple(o for o in made["grants"] if isinstance(o, Grant)),
            controllers=tuple(sorted(o for o in made["controllers"] if isinstance(o, Controller))),
            host_ports=tuple(sorted((p for p in self._host_ports if id(p.endpoint) in standing), key=_host_place)),
            problems=tuple(self._problems),
        )


def _place(made: Service | Gateway) -> tuple[str, str]:
    return made.namespace, made.name


def _kind_and_place(made: Route) -> tuple[str, str, str]:
    return made.kind, made.namespace, made.name


def _host_place(port: HostPort) -> tuple[str, str, str, str, int]:
    return port.endpoint.namespace, port.endpoint.workload, port.endpoint.name, port.protocol, port.host


class _Port(msgspec.Struct, rename="camel"):
    container_port: int | None = None
    host_port: int | None = None
    host_ip: str | None = msgspec.field(default=None, name="hostIP")
    protocol: str | None = None


class _Container(msgspec.Struct, rename="camel"):
    ports: list[_Port] | None = None
    restart_policy: str | None = None


class _PodSpec(msgspec.Struct, rename="camel"):
    containers: list[_Container] | None = None
    init_containers: list[_Container] | None = None


class _Template(msgspec.Struct):
    spec: _PodSpec | None = None


class _WorkloadSpec(msgspec.Struct):
    template: _Template | None = None


class _Job(msgspec.Struct):
    spec: _WorkloadSpec | None = None


class _CronSpec(msgspec.Struct, rename="camel"):
    job_template: _Job | None = None


def _pod_spec(item: Item) -> tuple[tuple[str, ...], _PodSpec]:
    if item.kind == "Pod":
        return ("spec",), item.spec(_PodSpec)
    pointer: tuple[str, ...] = ("spec", "template", "spec")
    if item.kind == "CronJob":
        pointer = ("spec", "jobTemplate", *pointer)
        job = item.spec(_CronSpec).job_template
        template = job.spec.template if job and job.spec else None
    else:
        template = item.spec(_WorkloadSpec).template
    return pointer, (template.spec if template else None) or _PodSpec()


def _host_ports(spec: _PodSpec, endpoint: Endpoint, pointer: tuple[str, ...]) -> Iterator[HostPort]:
    sidecars = [one for one in spec.init_containers or () if one.restart_policy == "Always"]
    for container in (*(spec.containers or ()), *sidecars):
        for port in container.ports or ():
            if port.host_port:
                for number in (port.host_port, port.container_port or 0):
                    if not 1 <= number <= 65535:
                        raise Invalid(pointer, f"{number} is not a port between 1 and 65535")
                found = protocol(port.protocol or None, pointer)
                yield HostPort(endpoint, found, port.host_port, port.container_port or 0, port.host_ip or "")
