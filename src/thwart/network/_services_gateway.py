"""Gateway API: Gateway, GatewayClass, HTTPRoute, GRPCRoute, TLSRoute, TCPRoute, UDPRoute, ReferenceGrant.

Source: sigs.k8s.io/gateway-api apis/v1, v1beta1 and v1alpha2 (types and their validation markers), GEP-709 (grants).
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from thwart.network._services_bodies import Bodies
from thwart.network._services_nouns import Backend, Controller, Gateway, Grant, Listener, Parent, Route
from thwart.network.documents import Item
from thwart.network.kinds._parts import check_name, port_number
from thwart.network.model import Pointer
from thwart.network.selectors import Invalid, LabelSelector, compile_selector, shown

GROUP = "gateway.networking.k8s.io"
ROUTES = frozenset({"HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute"})
_CARRIED = {  # what routes a listener's protocol carries (GatewaySpec, "kinds")
    "HTTP": frozenset({"HTTPRoute", "GRPCRoute"}),
    "HTTPS": frozenset({"HTTPRoute", "GRPCRoute"}),
    "TLS": frozenset({"TLSRoute", "TCPRoute"}),
    "TCP": frozenset({"TCPRoute"}),
    "UDP": frozenset({"UDPRoute"}),
}
_MOST_LISTENERS, _MOST_PARENTS, _MOST_BACKENDS = 64, 32, 16
_MOST_WEIGHT = 1_000_000


class _Namespaces(msgspec.Struct):
    from_: str | None = msgspec.field(default=None, name="from")
    selector: LabelSelector | None = None


class _KindRef(msgspec.Struct):
    group: str | None = None
    kind: str | None = None


class _Allowed(msgspec.Struct):
    namespaces: _Namespaces | None = None
    kinds: list[_KindRef] | None = None


class _Listener(msgspec.Struct, rename="camel"):
    name: str | None = None
    port: int | None = None
    protocol: str | None = None
    allowed_routes: _Allowed | None = None


class _GatewaySpec(msgspec.Struct, rename="camel"):
    gateway_class_name: str | None = None
    listeners: list[_Listener] | None = None


def gateway(item: Item, bodies: Bodies) -> Gateway:  # noqa: ARG001 - the same for every kind
    """Decode and check a Gateway."""
    check_name(item, namespaced=True)
    spec = item.spec(_GatewaySpec)
    if not spec.gateway_class_name:
        raise Invalid(("spec", "gatewayClassName"), "gatewayClassName must be given")
    if not 1 <= len(spec.listeners or ()) <= _MOST_LISTENERS:
        raise Invalid(("spec", "listeners"), f"a gateway has between 1 and {_MOST_LISTENERS} listeners")
    found = tuple(_listener(one, ("spec", "listeners", index)) for index, one in enumerate(spec.listeners or ()))
    if len({one.name for one in found}) < len(found):
        raise Invalid(("spec", "listeners"), "two listeners have one name")
    return Gateway(
        namespace=item.namespace,
        name=item.name,
        class_name=spec.gateway_class_name,
        listeners=found,
        origin=item.origin,
    )


def _listener(written: _Listener, pointer: Pointer) -> Listener:
    if not written.name or not written.protocol or written.port is None:
        raise Invalid(pointer, "a listener needs name, port and protocol")
    allowed = written.allowed_routes or _Allowed()
    namespaces = allowed.namespaces or _Namespaces()
    from_ = namespaces.from_ or "Same"
    here = (*pointer, "allowedRoutes", "namespaces")
    if from_ not in ("All", "Same", "Selector", "None"):
        raise Invalid((*here, "from"), f"{shown(from_)} is not All, Selector, Same or None")
    if from_ == "Selector" and namespaces.selector is None:
        raise Invalid((*here, "selector"), "from: Selector needs a selector")
    named = frozenset(ref.kind or "" for ref in allowed.kinds or () if (ref.group or GROUP) == GROUP)
    return Listener(
        name=written.name,
        port=port_number(written.port, (*pointer, "port")),
        protocol=written.protocol,
        from_=from_,
        namespaces=compile_selector(namespaces.selector, (*here, "selector")),
        kinds=named or _CARRIED.get(written.protocol, ROUTES),
    )


class _ParentRef(msgspec.Struct, rename="camel"):
    group: str | None = None
    kind: str | None = None
    namespace: str | None = None
    name: str | None = None
    section_name: str | None = None
    port: int | None = None


class _BackendRef(msgspec.Struct):
    group: str | None = None
    kind: str | None = None
    namespace: str | None = None
    name: str | None = None
    port: int | None = None
    weight: int | None = None


class _Mirror(msgspec.Struct, rename="camel"):
    backend_ref: _BackendRef | None = None


class _Filter(msgspec.Struct, rename="camel"):
    request_mirror: _Mirror | None = None


class _Rule(msgspec.Struct, rename="camel"):
    backend_refs: list[_BackendRef] | None = None
    filters: list[_Filter] | None = None


class _RouteSpec(msgspec.Struct, rename="camel"):
    parent_refs: list[_ParentRef] | None = None
    hostnames: list[str] | None = None
    rules: list[_Rule] | None = None


def route(item: Item, bodies: Bodies) -> Route:  # noqa: ARG001 - the same for every kind
    """Decode and check a route of any kind. A backend of weight 0 gets no traffic; a mirror gets a copy of it."""
    check_name(item, namespaced=True)
    spec = item.spec(_RouteSpec)
    if len(spec.parent_refs or ()) > _MOST_PARENTS:
        raise Invalid(("spec", "parentRefs"), f"there may be {_MOST_PARENTS} parents at most")
    parents = [_parent(one, item, ("spec", "parentRefs", i)) for i, one in enumerate(spec.parent_refs or ())]
    backends = []
    for index, rule in enumerate(spec.rules or ()):
        for reference, pointer in _references(rule, ("spec", "rules", index)):
            backends += _backend(reference, item.namespace, pointer)
    return Route(
        kind=item.kind,
        namespace=item.namespace,
        name=item.name,
        hosts=tuple(dict.fromkeys(spec.hostnames or ())) or ("*",),
        backends=tuple(backends),
        origin=item.origin,
        parents=tuple(parents),
    )


def _parent(written: _ParentRef, item: Item, pointer: Pointer) -> Parent:
    if not written.name:
        raise Invalid((*pointer, "name"), "the name of the parent must be given")
    kind = written.kind or "Gateway"
    group = GROUP if written.group is None else written.group
    if group != GROUP:
        kind = f"{kind}.{group or 'core'}"
    port = port_number(written.port, (*pointer, "port")) if written.port is not None else 0
    return Parent(kind, written.namespace or item.namespace, written.name, written.section_name or "", port, pointer)


def _references(rule: _Rule, pointer: Pointer) -> Iterator[tuple[_BackendRef, Pointer]]:
    for index, reference in enumerate(rule.backend_refs or ()):
        yield reference, (*pointer, "backendRefs", index)
    for index, one in enumerate(rule.filters or ()):
        if one.request_mirror is not None and one.request_mirror.backend_ref is not None:
            yield one.request_mirror.backend_ref, (*pointer, "filters", index, "requestMirror", "backendRef")


def _backend(written: _BackendRef, namespace: str, pointer: Pointer) -> list[Backend]:
    if not written.name:
        raise Invalid((*pointer, "name"), "the name of the backend must be given")
    if written.weight is not None and not 0 <= written.weight <= _MOST_WEIGHT:
        raise Invalid((*pointer, "weight"), f"the weight {written.weight} is not between 0 and {_MOST_WEIGHT}")
    service = (written.group or "") == "" and (written.kind or "Service") == "Service"
    if service and written.port is None:
        raise Invalid((*pointer, "port"), "a reference to a Service needs a port")
    if written.port is not None:
        port_number(written.port, (*pointer, "port"))
    if written.weight == 0:
        return []
    kind = "" if service else f"{written.kind or 'Service'}.{written.group or 'core'}"
    return [Backend(written.namespace or namespace, written.name, written.port, pointer, kind)]


class _From(msgspec.Struct):
    group: str | None = None
    kind: str | None = None
    namespace: str | None = None


class _To(msgspec.Struct):
    group: str | None = None
    kind: str | None = None
    name: str | None = None


class _GrantSpec(msgspec.Struct):
    from_: list[_From] | None = msgspec.field(default=None, name="from")
    to: list[_To] | None = None


def grant(item: Item, bodies: Bodies) -> Grant:  # noqa: ARG001 - the same for every kind
    """Decode and check a ReferenceGrant."""
    check_name(item, namespaced=True)
    spec = item.spec(_GrantSpec)
    if not 1 <= len(spec.from_ or ()) <= _MOST_BACKENDS:
        raise Invalid(("spec", "from"), f"from has between 1 and {_MOST_BACKENDS} entries")
    if not 1 <= len(spec.to or ()) <= _MOST_BACKENDS:
        raise Invalid(("spec", "to"), f"to has between 1 and {_MOST_BACKENDS} entries")
    for index, one in enumerate(spec.from_ or ()):
        if one.group is None or not one.kind or not one.namespace:
            raise Invalid(("spec", "from", index), "group, kind and namespace must be given")
    for index, other in enumerate(spec.to or ()):
        if other.group is None or not other.kind:
            raise Invalid(("spec", "to", index), "group and kind must be given")
    return Grant(
        item.namespace,
        frozenset((one.group or "", one.kind or "", one.namespace or "") for one in spec.from_ or ()),
        frozenset((one.group or "", one.kind or "", one.name or "") for one in spec.to or ()),
    )


class _ClassSpec(msgspec.Struct, rename="camel"):
    controller_name: str | None = None


def gateway_class(item: Item, bodies: Bodies) -> Controller:  # noqa: ARG001 - the same for every kind
    """Decode a GatewayClass."""
    check_name(item, namespaced=False)
    controller = item.spec(_ClassSpec).controller_name or ""
    if "/" not in controller:
        raise Invalid(("spec", "controllerName"), f"{shown(controller)} is not a domain and a path")
    return Controller("GatewayClass", item.name, controller, default=False)
