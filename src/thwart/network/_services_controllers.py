"""Whose pods carry out an Ingress, a Gateway or a Route, by the labels that their charts and operators give them."""

from __future__ import annotations

from typing import NamedTuple

from thwart.lib.bitsets import pack
from thwart.network._services_nouns import Controller, Gateway, Route
from thwart.network.engine import Model
from thwart.network.model import Endpoint

_NAME, _COMPONENT = "app.kubernetes.io/name", "app.kubernetes.io/component"
_OWNED = ("gateway.networking.k8s.io/gateway-name", "gateway.envoyproxy.io/owning-gateway-name")  # GEP-1762
_NO_TRAFFIC = ("admission-webhook", "default-backend", "defaultbackend")
_ROUTER = "ingresscontroller.operator.openshift.io/deployment-ingresscontroller"


class Family(NamedTuple):
    """A controller: ingress classes that bear its name, how it is called by classes, and labels of its pods."""

    classes: tuple[str, ...]
    controllers: tuple[str, ...]
    labels: tuple[dict[str, str], ...]  # an empty value stands for any


_FAMILIES = (
    Family(("nginx", "ingress-nginx"), ("k8s.io/ingress-nginx",), ({_NAME: "ingress-nginx"}, {"app": "ingress-nginx"})),
    Family(("nginx",), ("nginx.org/ingress-controller",), ({_NAME: "nginx-ingress"}, {"app": "nginx-ingress"})),
    Family(
        ("traefik",),
        ("traefik.io/ingress-controller", "traefik.io/gateway-controller"),
        ({_NAME: "traefik"}, {"app": "traefik"}),
    ),
    Family(
        ("haproxy",),
        ("haproxy.org/ingress-controller", "haproxy-ingress.github.io/controller"),
        ({_NAME: "kubernetes-ingress"}, {_NAME: "haproxy-ingress"}),
    ),
    Family(
        ("contour",),
        ("projectcontour.io/ingress-controller", "projectcontour.io/gateway-controller"),
        ({_NAME: "contour", _COMPONENT: "envoy"}, {"app": "envoy"}),
    ),
    Family(
        ("istio",),
        ("istio.io/ingress-controller", "istio.io/gateway-controller"),
        ({"istio": "ingressgateway"}, {"app": "istio-ingressgateway"}),
    ),
    Family(
        ("kong",),
        ("ingress-controllers.konghq.com/kong", "konghq.com/kic-gateway-controller"),
        ({_NAME: "kong"}, {"app": "ingress-kong"}),
    ),
    Family((), ("gateway.envoyproxy.io/gatewayclass-controller",), ({_NAME: "envoy", _COMPONENT: "proxy"},)),
    Family((), ("gateway.nginx.org/nginx-gateway-controller",), ({_NAME: "nginx-gateway-fabric"},)),
    Family(("openshift-default",), ("openshift.io/ingress-to-route",), ({_ROUTER: ""},)),
)


class Carrier(NamedTuple):
    """What carries out a route: its pods in words and as a set of classes; no set where they are not known."""

    name: str
    bits: int = 0


class Carriers:
    """Finds who carries out what."""

    def __init__(self, model: Model) -> None:
        self._model = model
        doors = model.world.doors
        self._classes = {(one.kind, one.name): one for one in doors.controllers}
        self._defaults = [one for one in doors.controllers if one.default]
        self._gateways = {(one.namespace, one.name): one for one in doors.gateways}
        self._pods: dict[str, list[Endpoint]] = {}  # by the first name of the controller
        self._owned: dict[tuple[str, str], list[Endpoint]] = {}
        of: dict[int, list[str]] = {}
        for endpoint in model.world.endpoints if doors.routes else ():
            key = id(endpoint.labels)  # replicas share theirs
            if key not in of:
                of[key] = [family.controllers[0] for family in _FAMILIES if _is_of(family, endpoint)]
            for name in of[key]:
                self._pods.setdefault(name, []).append(endpoint)
            for owned in _OWNED:
                if owned in endpoint.labels:
                    self._owned.setdefault((endpoint.namespace, endpoint.labels[owned]), []).append(endpoint)
        self._known: dict[tuple[str, str, str], Carrier] = {}

    def of_ingress(self, route: Route) -> Carrier:
        """Of an Ingress, by its class, else by the one class that is the default."""
        key = ("Ingress", "", route.class_name)
        if key not in self._known:
            self._known[key] = self._ingress(route.class_name)
        return self._known[key]

    def _ingress(self, name: str) -> Carrier:
        if not name and len(self._defaults) == 1:
            name = self._defaults[0].name
        stated = self._classes.get(("IngressClass", name))
        families = _called(stated) if stated else [family for family in _FAMILIES if name in family.classes]
        pods = [pod for family in families for pod in self._pods.get(family.controllers[0], ())]
        what = f"ingress class {name}" if name else "the ingress controller"
        return self._carrier(pods, what)

    def of_route(self) -> Carrier:
        """Of an OpenShift Route."""
        return self._carrier(self._pods.get(_FAMILIES[-1].controllers[0], []), "OpenShift's router")

    def of_gateway(self, gateway: Gateway) -> Carrier:
        """Of a gateway: the pods that bear its name, else those of its class."""
        key = ("Gateway", gateway.namespace, gateway.name)
        if key not in self._known:
            pods = self._owned.get((gateway.namespace, gateway.name), [])
            stated = self._classes.get(("GatewayClass", gateway.class_name))
            if not pods:
                named = [family for family in _FAMILIES if gateway.class_name in family.classes]
                families = _called(stated) if stated else named
                pods = [pod for family in families for pod in self._pods.get(family.controllers[0], ())]
            self._known[key] = self._carrier(pods, gateway.what)
        return self._known[key]

    def _carrier(self, pods: list[Endpoint], what: str) -> Carrier:
        if not pods:
            return Carrier(f"{what}, whose pods were not read")
        names = sorted({f"{pod.namespace}/{pod.workload}" for pod in pods})
        numbers = {self._model.partition.of_endpoint[id(pod)] for pod in pods}
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        return Carrier(shown, pack(numbers, len(self._model.classes)))


def _called(controller: Controller) -> list[Family]:
    return [family for family in _FAMILIES if controller.controller in family.controllers]


def _is_of(family: Family, endpoint: Endpoint) -> bool:
    labels = endpoint.labels
    if labels.get(_COMPONENT) in _NO_TRAFFIC:
        return False
    return any(
        all(key in labels and value in ("", labels[key]) for key, value in wanted.items()) for wanted in family.labels
    )
