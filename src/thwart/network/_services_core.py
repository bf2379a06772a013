"""Service, Endpoints and EndpointSlice, decoded and checked.

Sources: k8s.io/api core/v1 types.go (ServiceSpec), pkg/apis/core/v1/defaults.go, pkg/apis/core/validation (ValidateService),
pkg/apis/discovery/validation.
"""

from __future__ import annotations

import re

import msgspec

from thwart.lib.intervals import Address, Block, parse_address
from thwart.network._services_bodies import Bodies
from thwart.network._services_nouns import (
    CLUSTER_IP,
    EXTERNAL_NAME,
    LOAD_BALANCER,
    NODE_PORT,
    Service,
    ServicePort,
    Slice,
    SlicePort,
)
from thwart.network.documents import Item
from thwart.network.kinds._parts import block, check_name, port_name, port_number, protocol
from thwart.network.model import Pointer
from thwart.network.selectors import Invalid, LabelSelector, compile_selector, shown

_TYPES = (CLUSTER_IP, NODE_PORT, LOAD_BALANCER, EXTERNAL_NAME)
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_HOST = re.compile(r"(?i:[a-z0-9_]([-a-z0-9_]{0,61}[a-z0-9])?(\.[a-z0-9_]([-a-z0-9_]{0,61}[a-z0-9])?)*\.?)")
_RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"
_INTERNAL = {
    "networking.gke.io/load-balancer-type": ("internal",),
    "cloud.google.com/load-balancer-type": ("internal",),
    "service.beta.kubernetes.io/azure-load-balancer-internal": ("true",),
    "service.beta.kubernetes.io/aws-load-balancer-internal": ("true", "0.0.0.0/0"),
    "service.beta.kubernetes.io/aws-load-balancer-scheme": ("internal",),
    "service.beta.kubernetes.io/openstack-internal-load-balancer": ("true",),
    "service.kubernetes.io/ibm-load-balancer-cloud-provider-ip-type": ("private",),
}
_OF_SLICE = "kubernetes.io/service-name"


class _Port(msgspec.Struct, rename="camel"):
    name: str | None = None
    protocol: str | None = None
    port: int | None = None
    target_port: int | str | None = None
    node_port: int | None = None


class _Spec(msgspec.Struct, rename="camel"):
    type: str | None = None
    selector: dict[str, str | None] | None = None
    ports: list[_Port | None] | None = None
    cluster_ip: str | None = msgspec.field(default=None, name="clusterIP")
    cluster_ips: list[str] | None = msgspec.field(default=None, name="clusterIPs")
    external_ips: list[str | None] | None = msgspec.field(default=None, name="externalIPs")
    external_name: str | None = None
    external_traffic_policy: str | None = None
    load_balancer_source_ranges: list[str | None] | None = None
    allocate_load_balancer_node_ports: bool | None = None


class _Point(msgspec.Struct):
    ip: str | None = None
    hostname: str | None = None


class _Balancer(msgspec.Struct):
    ingress: list[_Point] | None = None


class _Status(msgspec.Struct, rename="camel"):
    load_balancer: _Balancer | None = None


def service(item: Item, bodies: Bodies) -> Service:
    """Decode and check a Service."""
    check_name(item, namespaced=True)
    if item.meta.name and not _LABEL.fullmatch(item.meta.name):
        raise Invalid(("metadata", "name"), f"the name {shown(item.meta.name)} is not a DNS label")
    spec = item.spec(_Spec)
    kind = spec.type or CLUSTER_IP
    if kind not in _TYPES:
        raise Invalid(("spec", "type"), f"the type {shown(kind)} is not one of {', '.join(_TYPES)}")
    headless = spec.cluster_ip == "None"
    _check_type(spec, kind, headless=headless)
    notes = bodies.annotations(item, b"load-balancer")
    external = _addresses(spec.external_ips, ("spec", "externalIPs"))
    return Service(
        namespace=item.namespace,
        name=item.name,
        type=kind,
        ports=_ports(spec, kind, headless=headless),
        origin=item.origin,
        selector=compile_selector(LabelSelector(match_labels=spec.selector), ("spec", "selector"))
        if spec.selector and kind != EXTERNAL_NAME
        else None,
        headless=headless,
        addresses=_cluster_addresses(spec),
        external=external,
        external_name=(spec.external_name or "").rstrip("."),
        published=_published(item),
        ranges=_ranges(spec, kind, notes),
        local=_local(spec, kind, external),
        node_ports=kind == NODE_PORT or (kind == LOAD_BALANCER and spec.allocate_load_balancer_node_ports is not False),
        internal=any(notes.get(key, "").lower() in values for key, values in _INTERNAL.items()),
    )


def _check_type(spec: _Spec, kind: str, *, headless: bool) -> None:
    if kind == EXTERNAL_NAME:
        name = spec.external_name or ""
        if not _HOST.fullmatch(name) or len(name) > 254:
            raise Invalid(("spec", "externalName"), f"{shown(name)} is not a domain name")
        if spec.cluster_ip:
            raise Invalid(("spec", "clusterIP"), "clusterIP may not be set for an ExternalName service")
    elif headless and kind != CLUSTER_IP:
        raise Invalid(("spec", "clusterIP"), f"clusterIP may not be None for a {kind} service")
    if spec.allocate_load_balancer_node_ports is not None and kind != LOAD_BALANCER:
        field = "allocateLoadBalancerNodePorts"
        raise Invalid(("spec", field), f"{field} may only be used for a LoadBalancer service")


def _ports(spec: _Spec, kind: str, *, headless: bool) -> tuple[ServicePort, ...]:
    if not spec.ports and not headless and kind != EXTERNAL_NAME:
        raise Invalid(("spec", "ports"), "a service needs ports")
    several = len(spec.ports or ()) > 1
    names: set[str] = set()
    numbers: set[tuple[str, int]] = set()
    nodes: set[tuple[str, int]] = set()
    found = []
    for index, written in enumerate(spec.ports or ()):
        pointer: Pointer = ("spec", "ports", index)
        port = _port(written or _Port(), pointer, named=several)
        if port.node and kind not in (NODE_PORT, LOAD_BALANCER):
            raise Invalid((*pointer, "nodePort"), f"nodePort may not be used for a {kind} service")
        if port.name and port.name in names:
            raise Invalid((*pointer, "name"), f"the name {port.name!r} is given twice")
        if (port.protocol, port.number) in numbers:
            raise Invalid(pointer, f"{port.protocol} {port.number} is given twice")
        if port.node and (port.protocol, port.node) in nodes:
            raise Invalid((*pointer, "nodePort"), f"{port.protocol} {port.node} is given twice")
        names.add(port.name)
        numbers.add((port.protocol, port.number))
        nodes.add((port.protocol, port.node))
        found.append(port)
    return tuple(found)


def _port(written: _Port, pointer: Pointer, *, named: bool) -> ServicePort:
    if written.port is None:
        raise Invalid((*pointer, "port"), "port must be given")
    number = port_number(written.port, (*pointer, "port"))
    name = written.name or ""
    if named and not name:
        raise Invalid((*pointer, "name"), "every one of several ports needs a name")
    if name and not _LABEL.fullmatch(name):
        raise Invalid((*pointer, "name"), f"the name {shown(name)} is not a DNS label")
    target = written.target_port
    if isinstance(target, str) and target:
        target = port_name(target, (*pointer, "targetPort"))
    elif target:
        target = port_number(int(target), (*pointer, "targetPort"))
    node = written.node_port or 0
    if node:
        port_number(node, (*pointer, "nodePort"))
    return ServicePort(name, protocol(written.protocol or None, (*pointer, "protocol")), number, target or number, node)


def _address(text: str | None, pointer: Pointer) -> Address:
    try:
        return parse_address(text or "")
    except ValueError:
        raise Invalid(pointer, f"{shown(text or '')} is not an IP address") from None


def _addresses(texts: list[str | None] | None, pointer: Pointer) -> tuple[Address, ...]:
    found = []
    for index, text in enumerate(texts or ()):
        address = _address(text, (*pointer, index))
        why = _special(address)
        if why:
            raise Invalid((*pointer, index), f"{address} may not be an external address: it is {why}")
        found.append(address)
    return tuple(found)


def _special(address: Address) -> str:
    """Why an address cannot be reached from elsewhere (ValidateNonSpecialIP); empty when it can."""
    four, value = address.version == 4, address.value
    if value == 0:
        return "unspecified"
    if value >> 24 == 127 if four else value == 1:
        return "of the loopback range"
    if value >> 16 == 0xA9FE if four else value >> 118 == 0x3FA:
        return "link-local"
    if value >> 8 == 0xE00000 if four else value >> 112 == 0xFF02:
        return "link-local multicast"
    return ""


def _cluster_addresses(spec: _Spec) -> tuple[Address, ...]:
    if spec.cluster_ip in (None, "", "None"):
        return ()
    first = _address(spec.cluster_ip, ("spec", "clusterIP"))
    texts = spec.cluster_ips or ()
    more = [_address(text, ("spec", "clusterIPs", index)) for index, text in enumerate(texts)]
    return tuple(dict.fromkeys([first, *more]))


def _ranges(spec: _Spec, kind: str, notes: dict[str, str]) -> tuple[Block, ...]:
    """The field, or the annotation that came before it."""
    field = "loadBalancerSourceRanges"
    if spec.load_balancer_source_ranges:
        if kind != LOAD_BALANCER:
            raise Invalid(("spec", field), f"{field} may only be used for a LoadBalancer service")
        texts = [(text or "").strip() for text in spec.load_balancer_source_ranges]
        return tuple(block(text, ("spec", field, index)) for index, text in enumerate(texts))
    written = notes.get(_RANGES, "").strip()
    if not written or kind != LOAD_BALANCER:
        return ()
    return tuple(block(text.strip(), ("metadata", "annotations", _RANGES)) for text in written.split(","))


def _local(spec: _Spec, kind: str, external: tuple[Address, ...]) -> bool:
    policy = spec.external_traffic_policy
    if not policy:
        return False
    pointer = ("spec", "externalTrafficPolicy")
    if policy not in ("Cluster", "Local"):
        raise Invalid(pointer, f"externalTrafficPolicy {shown(policy)} is not Cluster or Local")
    if kind not in (NODE_PORT, LOAD_BALANCER) and not external:
        raise Invalid(pointer, "externalTrafficPolicy may only be set for a service that has a way in from outside")
    return policy == "Local"


def _published(item: Item) -> tuple[str, ...]:
    status = item.status(_Status)
    points = (status.load_balancer.ingress or ()) if status and status.load_balancer else ()
    return tuple(text for point in points if (text := point.ip or point.hostname))


class _EndpointPort(msgspec.Struct):
    name: str | None = None
    protocol: str | None = None
    port: int | None = None


class _Endpoint(msgspec.Struct):
    addresses: list[str | None] | None = None


class _SliceBody(msgspec.Struct, rename="camel"):
    address_type: str | None = None
    endpoints: list[_Endpoint | None] | None = None
    ports: list[_EndpointPort | None] | None = None


class _Subset(msgspec.Struct, rename="camel"):
    addresses: list[_Point] | None = None
    not_ready_addresses: list[_Point] | None = None
    ports: list[_EndpointPort | None] | None = None


class _EndpointsBody(msgspec.Struct):
    subsets: list[_Subset | None] | None = None


def endpoint_slice(item: Item, bodies: Bodies) -> tuple[Slice, ...]:
    """Decode and check an EndpointSlice. Domain names in it are passed over, as kube-proxy does."""
    check_name(item, namespaced=True)
    body = bodies.decode(item, _SliceBody) or _SliceBody()
    if body.address_type not in ("IPv4", "IPv6", "FQDN"):
        raise Invalid(("addressType",), f"addressType {shown(body.address_type or '')} is not IPv4, IPv6 or FQDN")
    owner = item.labels.get(_OF_SLICE)
    if not owner:
        return ()
    addresses = []
    for index, one in enumerate(body.endpoints or ()):
        texts = (one or _Endpoint()).addresses
        if not texts:
            raise Invalid(("endpoints", index, "addresses"), "an endpoint needs an address")
        if body.address_type != "FQDN":
            addresses += [_address(text, ("endpoints", index, "addresses", at)) for at, text in enumerate(texts)]
    return (Slice(item.namespace, owner, tuple(addresses), _slice_ports(body.ports, ("ports",))),)


def endpoints(item: Item, bodies: Bodies) -> tuple[Slice, ...]:
    """Decode and check an Endpoints: each subset is a slice. Those that are not ready may be at any moment."""
    check_name(item, namespaced=True)
    body = bodies.decode(item, _EndpointsBody) or _EndpointsBody()
    found = []
    for index, written in enumerate(body.subsets or ()):
        subset = written or _Subset()
        points = [*(subset.addresses or ()), *(subset.not_ready_addresses or ())]
        addresses = tuple(_address(point.ip, ("subsets", index, "addresses")) for point in points)
        ports = _slice_ports(subset.ports, ("subsets", index, "ports"))
        found.append(Slice(item.namespace, item.name, addresses, ports))
    return tuple(found)


def _slice_ports(written: list[_EndpointPort | None] | None, pointer: Pointer) -> tuple[SlicePort, ...]:
    found = []
    for index, port in enumerate(written or ()):
        one = port or _EndpointPort()
        number = port_number(one.port, (*pointer, index, "port")) if one.port is not None else None
        found.append(SlicePort(one.name or "", protocol(one.protocol or None, (*pointer, index, "protocol")), number))
    return tuple(found)
