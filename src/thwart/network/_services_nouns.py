"""What leads traffic to pods: services, what stands behind them, routes and gateways."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from thwart.core.finding import Diagnostic
from thwart.lib.intervals import Address, Block
from thwart.network.selectors import Selector

if TYPE_CHECKING:  # the model refers to `Doors`
    from thwart.network.model import Endpoint, Origin, Pointer

CLUSTER_IP, NODE_PORT, LOAD_BALANCER, EXTERNAL_NAME = "ClusterIP", "NodePort", "LoadBalancer", "ExternalName"


class ServicePort(NamedTuple):
    """A port of a service. `target` is a port of the pods: a number, or a name that each of them resolves.

    `node` is the port on every node; 0 where none is fixed.
    """

    name: str
    protocol: str
    number: int
    target: int | str
    node: int = 0


class Service(Struct, frozen=True, kw_only=True):
    """A service of any type.

    `selector` is None where none is given: its endpoints are then written by others. `addresses` are those inside the
    cluster, `external` those of `externalIPs`, `published` what a load balancer has announced. `ranges` bound who may
    use the load balancer; none are everyone. `local` is `externalTrafficPolicy: Local`: the client's address is kept.
    `node_ports` says whether nodes listen for it. `internal` is an annotation that keeps a load balancer in its network.
    """

    namespace: str
    name: str
    type: str
    ports: tuple[ServicePort, ...]
    origin: Origin
    selector: Selector | None = None
    headless: bool = False
    addresses: tuple[Address, ...] = ()
    external: tuple[Address, ...] = ()
    external_name: str = ""
    published: tuple[str, ...] = ()
    ranges: tuple[Block, ...] = ()
    local: bool = False
    node_ports: bool = False
    internal: bool = False

    @property
    def what(self) -> str:
        """Kind, namespace and name."""
        return f"Service {self.namespace}/{self.name}"


class SlicePort(NamedTuple):
    """A port of a slice; the number None is every port."""

    name: str
    protocol: str
    number: int | None


class Slice(NamedTuple):
    """Addresses that stand behind a service: an EndpointSlice, or a subset of an Endpoints."""

    namespace: str
    service: str
    addresses: tuple[Address, ...]
    ports: tuple[SlicePort, ...]


class Backend(NamedTuple):
    """Where a route leads. `port` is the service's port, by number or name; of an OpenShift Route (`of_pods`) the port
    of its pods, by number, or the name of the service's port; None is every port. `kind` is empty for a Service."""

    namespace: str
    name: str
    port: int | str | None
    pointer: Pointer
    kind: str = ""
    of_pods: bool = False


class Parent(NamedTuple):
    """The gateway, listener or other thing that a route hangs on."""

    kind: str
    namespace: str
    name: str
    section: str
    port: int
    pointer: Pointer


class Route(Struct, frozen=True, kw_only=True):
    """An Ingress, a route of the Gateway API or an OpenShift Route. `class_name` is the ingress class, where one is named."""

    kind: str
    namespace: str
    name: str
    hosts: tuple[str, ...]
    backends: tuple[Backend, ...]
    origin: Origin
    class_name: str = ""
    parents: tuple[Parent, ...] = ()

    @property
    def what(self) -> str:
        """Kind, namespace and name."""
        return f"{self.kind} {self.namespace}/{self.name}"


class Listener(NamedTuple):
    """A listener of a gateway. `from_` is `Same`, `All`, `None` or `Selector`, and `namespaces` what it selects."""

    name: str
    port: int
    protocol: str
    from_: str
    namespaces: Selector
    kinds: frozenset[str]


class Gateway(Struct, frozen=True, kw_only=True):
    """A gateway of the Gateway API."""

    namespace: str
    name: str
    class_name: str
    listeners: tuple[Listener, ...]
    origin: Origin

    @property
    def what(self) -> str:
        """Kind, namespace and name."""
        return f"Gateway {self.namespace}/{self.name}"


class Grant(NamedTuple):
    """A ReferenceGrant: who (group, kind, namespace) may refer to what (group, kind, name or empty) in its namespace."""

    namespace: str
    from_: frozenset[tuple[str, str, str]]
    to: frozenset[tuple[str, str, str]]


class Controller(NamedTuple):
    """An IngressClass or a GatewayClass: which controller serves it."""

    kind: str
    name: str
    controller: str
    default: bool


class HostPort(NamedTuple):
    """A port of a pod that its node publishes."""

    endpoint: Endpoint
    protocol: str
    host: int
    pod: int
    address: str


class Doors(Struct, frozen=True, kw_only=True):
    """Everything that leads traffic to pods. `problems` are documents of kinds or versions that are not read."""

    services: tuple[Service, ...] = ()
    slices: tuple[Slice, ...] = ()
    routes: tuple[Route, ...] = ()
    gateways: tuple[Gateway, ...] = ()
    grants: tuple[Grant, ...] = ()
    controllers: tuple[Controller, ...] = ()
    host_ports: tuple[HostPort, ...] = ()
    problems: tuple[Diagnostic, ...] = ()


NO_DOORS = Doors()
