"""Ingress and IngressClass (networking.k8s.io/v1), and OpenShift's Route (route.openshift.io/v1), decoded and checked.

Sources: k8s.io/api networking/v1 types.go and pkg/apis/networking/validation (ValidateIngress); github.com/openshift/api
route/v1 types.go.
"""

from __future__ import annotations

import re

import msgspec

from thwart.lib.intervals import parse_address
from thwart.network._services_bodies import Bodies
from thwart.network._services_nouns import Backend, Controller, Route
from thwart.network.documents import Item
from thwart.network.kinds._parts import check_name, port_name, port_number
from thwart.network.model import Pointer
from thwart.network.selectors import Invalid, shown

_PATH_TYPES = ("Exact", "Prefix", "ImplementationSpecific")
_HOST = re.compile(r"(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_CLASS = "kubernetes.io/ingress.class"
_DEFAULT = "ingressclass.kubernetes.io/is-default-class"
_MOST_ALTERNATIVES = 3


class _PortRef(msgspec.Struct):
    name: str | None = None
    number: int | None = None


class _ServiceRef(msgspec.Struct):
    name: str | None = None
    port: _PortRef | None = None


class _ResourceRef(msgspec.Struct):
    kind: str | None = None
    name: str | None = None


class _Backend(msgspec.Struct):
    service: _ServiceRef | None = None
    resource: _ResourceRef | None = None


class _Path(msgspec.Struct, rename="camel"):
    path: str | None = None
    path_type: str | None = None
    backend: _Backend | None = None


class _Http(msgspec.Struct):
    paths: list[_Path | None] | None = None


class _Rule(msgspec.Struct):
    host: str | None = None
    http: _Http | None = None


class _Spec(msgspec.Struct, rename="camel"):
    ingress_class_name: str | None = None
    default_backend: _Backend | None = None
    rules: list[_Rule | None] | None = None


def ingress(item: Item, bodies: Bodies) -> Route:
    """Decode and check an Ingress."""
    check_name(item, namespaced=True)
    spec = item.spec(_Spec)
    if not spec.rules and spec.default_backend is None:
        raise Invalid(("spec",), "either rules or defaultBackend must be given")
    backends = []
    if spec.default_backend is not None:
        backends.append(_backend(spec.default_backend, item.namespace, ("spec", "defaultBackend")))
    hosts = []
    for index, written in enumerate(spec.rules or ()):
        rule = written or _Rule()
        hosts.append(_host(rule.host or "", ("spec", "rules", index, "host")))
        if rule.http is not None:
            backends += _paths(rule.http, item.namespace, ("spec", "rules", index, "http", "paths"))
    notes = bodies.annotations(item, b"ingress.class")
    return Route(
        kind="Ingress",
        namespace=item.namespace,
        name=item.name,
        hosts=tuple(dict.fromkeys(hosts)) or ("*",),
        backends=tuple(backends),
        origin=item.origin,
        class_name=spec.ingress_class_name or notes.get(_CLASS, ""),
    )


def _host(text: str, pointer: Pointer) -> str:
    if not text:
        return "*"
    if not _HOST.fullmatch(text) or len(text) > 253:
        raise Invalid(pointer, f"the host {shown(text)} is not a DNS name")
    try:
        parse_address(text)
    except ValueError:
        return text
    raise Invalid(pointer, f"the host {text} may not be an IP address")


def _paths(http: _Http, namespace: str, pointer: Pointer) -> list[Backend]:
    if not http.paths:
        raise Invalid(pointer, "paths must be given")
    found = []
    for index, written in enumerate(http.paths):
        path, here = written or _Path(), (*pointer, index)
        if path.path_type not in _PATH_TYPES:
            raise Invalid((*here, "pathType"), f"pathType must be one of {', '.join(_PATH_TYPES)}")
        if path.path_type == "ImplementationSpecific":
            wrong = bool(path.path) and not str(path.path).startswith("/")
        else:
            wrong = not (path.path or "").startswith("/")
        if wrong:
            raise Invalid((*here, "path"), f"the path {shown(path.path or '')} does not begin with /")
        found.append(_backend(path.backend, namespace, (*here, "backend")))
    return found


def _backend(written: _Backend | None, namespace: str, pointer: Pointer) -> Backend:
    if written is None or (written.service is None and written.resource is None):
        raise Invalid(pointer, "a backend needs a service or a resource")
    if written.resource is not None:
        if written.service is not None:
            raise Invalid(pointer, "a backend may not have both a service and a resource")
        if not written.resource.kind or not written.resource.name:
            raise Invalid((*pointer, "resource"), "a resource needs kind and name")
        return Backend(namespace, written.resource.name, None, pointer, written.resource.kind)
    service = written.service or _ServiceRef()
    here = (*pointer, "service")
    if not service.name:
        raise Invalid((*here, "name"), "the name of the service must be given")
    port = service.port or _PortRef()
    if port.name and port.number:
        raise Invalid((*here, "port"), "a port may not have both a name and a number")
    if port.name:
        return Backend(namespace, service.name, port_name(port.name, (*here, "port", "name")), pointer)
    if not port.number:
        raise Invalid((*here, "port"), "a port needs a name or a number")
    return Backend(namespace, service.name, port_number(port.number, (*here, "port", "number")), pointer)


class _ClassSpec(msgspec.Struct):
    controller: str | None = None


def ingress_class(item: Item, bodies: Bodies) -> Controller:
    """Decode an IngressClass."""
    check_name(item, namespaced=False)
    controller = item.spec(_ClassSpec).controller or ""
    if not controller or len(controller) > 250 or "/" not in controller:
        raise Invalid(("spec", "controller"), f"the controller {shown(controller)} is not a domain and a path")
    default = bodies.annotations(item, b"is-default-class").get(_DEFAULT) == "true"
    return Controller("IngressClass", item.name, controller, default)


class _To(msgspec.Struct):
    kind: str | None = None
    name: str | None = None
    weight: int | None = None


class _RoutePort(msgspec.Struct, rename="camel"):
    target_port: int | str | None = None


class _RouteSpec(msgspec.Struct, rename="camel"):
    host: str | None = None
    to: _To | None = None
    alternate_backends: list[_To | None] | None = None
    port: _RoutePort | None = None


def openshift_route(item: Item, bodies: Bodies) -> Route:  # noqa: ARG001 - the same for every kind
    """Decode and check an OpenShift Route. A backend of weight 0 gets no traffic."""
    check_name(item, namespaced=True)
    spec = item.spec(_RouteSpec)
    target = spec.port.target_port if spec.port else None
    if spec.port is not None and not target:
        raise Invalid(("spec", "port", "targetPort"), "targetPort must be given")
    if isinstance(target, int):
        port_number(target, ("spec", "port", "targetPort"))
    several = [spec.to or _To(), *(one or _To() for one in spec.alternate_backends or ())]
    if len(several) > _MOST_ALTERNATIVES + 1:
        raise Invalid(("spec", "alternateBackends"), f"there may be {_MOST_ALTERNATIVES} alternate backends at most")
    backends = []
    for index, to in enumerate(several):
        pointer: Pointer = ("spec", "to") if index == 0 else ("spec", "alternateBackends", index - 1)
        if (to.kind or "Service") != "Service":
            raise Invalid((*pointer, "kind"), "a route leads to a Service")
        if not to.name:
            raise Invalid((*pointer, "name"), "the name of the service must be given")
        if to.weight is not None and not 0 <= to.weight <= 256:
            raise Invalid((*pointer, "weight"), f"the weight {to.weight} is not between 0 and 256")
        if to.weight != 0:
            backends.append(Backend(item.namespace, to.name, target, pointer, of_pods=True))
    host = _host(spec.host or "", ("spec", "host")) if spec.host else "(a host that the router chooses)"
    return Route(
        kind="Route",
        namespace=item.namespace,
        name=item.name,
        hosts=(host,),
        backends=tuple(backends),
        origin=item.origin,
    )
